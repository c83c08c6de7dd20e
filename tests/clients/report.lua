-- Says twice a second what mpv shows: a freeze gives no message of its own.
local function report()
    local at = mp.get_property_number("time-pos")
    local width = mp.get_property_number("width") or 0
    if at then
        io.stdout:write(string.format("SHOWN %.3f %d\n", at, width))
        io.stdout:flush()
    end
end
mp.add_periodic_timer(0.25, report)
