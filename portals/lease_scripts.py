"""The ledger's Lua: every check-and-change of the slots is one script, so nobody gets in between.

Each script is COMMON plus one body, and all have the same KEYS and first ARGV:

    KEYS[1] all leases      KEYS[4] lingering       KEYS[7] last closed, per counter
    KEYS[2] facts           KEYS[5] gone            KEYS[8] memory
    KEYS[3] revoked         KEYS[6] heirs
    ARGV[1] now in unix s, "" = the server's own TIME (tests hand it in)
    ARGV[2] lifetime of a lease in s        ARGV[3] settle time in s (see TAKE)
    ARGV[4..6] prefixes of the sorted sets per counter, per portal, per owner

The sets of other people's leases are found by the facts of those leases, so their keys cannot be named in KEYS:
the ledger needs one Redis, not a Redis Cluster.
"""

from __future__ import annotations

COMMON = """
local ALL, FACTS, REVOKED, LINGERING, GONE, HEIRS, CLOSED, MEMORY = unpack(KEYS)
local t = tonumber(ARGV[1])
if not t then
  local parts = redis.call('TIME')
  t = parts[1] + parts[2] / 1000000
end
local lifetime, settle = tonumber(ARGV[2]), tonumber(ARGV[3])

-- Lua prints 14 digits of a number and Redis reads that: too few for microseconds of unix time.
local function exact(seconds) return string.format('%.6f', seconds) end

-- What the provider counts by. Leases an older version wrote know only their subscription.
local function counter(lease) return lease.counter or lease.subscription end

local function levels(lease) return {ARGV[4] .. counter(lease), ARGV[5] .. lease.portal, ALL} end

local function hold(lease, expiry)
  for _, set in ipairs(levels(lease)) do redis.call('ZADD', set, exact(expiry), lease.id) end
  redis.call('ZADD', ARGV[6] .. lease.owner, exact(expiry), lease.id)
end

local function enter(lease)
  hold(lease, t + lifetime)
  redis.call('HSET', FACTS, lease.id, cjson.encode(lease))
end

-- `quiet`: nothing was ever connected under it, so the provider has no close to notice.
local function forget(id, quiet)
  local raw = redis.call('HGET', FACTS, id)
  if raw then
    local lease = cjson.decode(raw)
    for _, set in ipairs(levels(lease)) do redis.call('ZREM', set, id) end
    redis.call('ZREM', ARGV[6] .. lease.owner, id)
    if not quiet then redis.call('HSET', CLOSED, counter(lease), exact(t)) end
  end
  redis.call('ZREM', ALL, id)
  redis.call('HDEL', FACTS, id)
  redis.call('SREM', REVOKED, id)
  redis.call('ZREM', LINGERING, id)
  redis.call('HDEL', HEIRS, id)
end

-- A renewal under way when its lease is given back must not bring it to life again.
local function bury(id) redis.call('ZADD', GONE, exact(t + 5 * lifetime), id) end

local function purge()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', ALL, '-inf', exact(t))) do forget(id) end
  redis.call('ZREMRANGEBYSCORE', GONE, '-inf', exact(t))
end

-- The first level without a free slot, or nil.
local function full(lease)
  local names = {'subscription', 'portal', 'installation'}
  for i, set in ipairs(levels(lease)) do
    local limit = tonumber(lease.limits[i])
    if limit > 0 then
      redis.call('ZREMRANGEBYSCORE', set, '-inf', exact(t))
      if redis.call('ZCARD', set) >= limit then return names[i] end
    end
  end
  return nil
end

-- Give the slot of `id` back; whoever it was promised to gets it before anybody else can ask.
local function give_back(id, quiet)
  local raw = redis.call('HGET', HEIRS, id)
  forget(id, quiet)
  bury(id)
  if not raw then return end
  local heir = cjson.decode(raw)
  if tonumber(heir.patience_until) <= t or redis.call('ZSCORE', GONE, heir.lease.id) then return end
  if redis.call('ZSCORE', ALL, heir.lease.id) or full(heir.lease) then return end
  enter(heir.lease)
end
"""

# ARGV[7] the wanted lease as JSON.
# Returns {"held", seconds since an upstream of the subscription was closed or "-1"}, {"full", level},
# {"settling", seconds} or {"gone"}.
# A Redis that lost its memory knows nothing of upstreams that are open now. For one settle time it grants nothing;
# until then every living relay has renewed, which enters its leases again, and every cut-off one has closed.
TAKE = """
purge()
local lease = cjson.decode(ARGV[7])
if redis.call('ZSCORE', GONE, lease.id) then return {'gone'} end
local closed = redis.call('HGET', CLOSED, counter(lease))
local ago = closed and exact(t - closed) or '-1'
if redis.call('ZSCORE', ALL, lease.id) then
  hold(lease, t + lifetime)
  return {'held', ago}
end
local known_since = redis.call('GET', MEMORY)
if not known_since then
  known_since = t
  redis.call('SET', MEMORY, exact(t))
end
local wait = known_since + settle - t
if wait > 0 then return {'settling', exact(wait)} end
local level = full(lease)
if level then return {'full', level} end
enter(lease)
return {'held', ago}
"""

# ARGV[7..] the held leases as JSON. Returns the ids that are lost.
# A lease nobody knows (it expired, or Redis forgot) is entered again when there is room: its upstream is still open.
# A revoked one is lost to its relay but stays counted until the relay has closed and given it back.
RENEW = """
purge()
redis.call('SET', MEMORY, exact(t), 'NX')
local lost = {}
for i = 7, #ARGV do
  local lease = cjson.decode(ARGV[i])
  if redis.call('ZSCORE', GONE, lease.id) or redis.call('SISMEMBER', REVOKED, lease.id) == 1 then
    table.insert(lost, lease.id)
  elseif redis.call('ZSCORE', ALL, lease.id) then
    hold(lease, t + lifetime)
  elseif not full(lease) then
    enter(lease)
  else
    table.insert(lost, lease.id)
  end
end
return lost
"""

# ARGV[7] lease id, ARGV[8] cooling in s, ARGV[9] "1" when something was connected under it.
# Returns 1 when the lease was held, else 0.
# A cooling lease belongs to nobody and expires by itself; until then it counts.
RELEASE = """
purge()
local id, cooling = ARGV[7], tonumber(ARGV[8])
local raw = redis.call('HGET', FACTS, id)
if not raw then
  bury(id)
  return 0
end
local lease = cjson.decode(raw)
if lease.state == 'cooling' then return 0 end
if cooling <= 0 then
  give_back(id, ARGV[9] ~= '1')
  return 1
end
for _, set in ipairs(levels(lease)) do redis.call('ZADD', set, exact(t + cooling), id) end
redis.call('ZREM', ARGV[6] .. lease.owner, id)
redis.call('ZREM', LINGERING, id)
redis.call('HDEL', HEIRS, id)
redis.call('HSET', CLOSED, counter(lease), exact(t))
lease.state = 'cooling'
redis.call('HSET', FACTS, id, cjson.encode(lease))
bury(id)
return 1
"""

# ARGV[7] id of the lease to be given up, ARGV[8] the wanted lease as JSON, ARGV[9] patience in s.
# Returns "promised", "gone" (it is free already: just take) or "taken" (promised to somebody else).
PROMISE = """
purge()
local id = ARGV[7]
if not redis.call('ZSCORE', ALL, id) then return 'gone' end
local wanted = cjson.decode(ARGV[8])
local raw = redis.call('HGET', HEIRS, id)
if raw then
  local heir = cjson.decode(raw)
  local alive = tonumber(heir.patience_until) > t and not redis.call('ZSCORE', GONE, heir.lease.id)
  if alive and heir.lease.id ~= wanted.id then return 'taken' end
end
redis.call('HSET', HEIRS, id, cjson.encode({lease = wanted, patience_until = exact(t + ARGV[9])}))
return 'promised'
"""

# ARGV[7] owner, ARGV[8] "1" when this installation has no other relay. Returns how many leases were given back.
SWEEP = """
purge()
if ARGV[8] == '1' then
  redis.call('SET', MEMORY, '0')
else
  redis.call('SET', MEMORY, exact(t), 'NX')
end
local dead = redis.call('ZRANGE', ARGV[6] .. ARGV[7], 0, -1)
for _, id in ipairs(dead) do give_back(id) end
return #dead
"""

# ARGV[7] owner, ARGV[8..] relay keys nobody watches now. Marks their leases as lingering and all others as watched.
LINGER = """
local idle = {}
for i = 8, #ARGV do idle[ARGV[i]] = true end
for _, id in ipairs(redis.call('ZRANGE', ARGV[6] .. ARGV[7], 0, -1)) do
  local raw = redis.call('HGET', FACTS, id)
  if raw and idle[cjson.decode(raw).key] then
    redis.call('ZADD', LINGERING, 'NX', exact(t), id)
  else
    redis.call('ZREM', LINGERING, id)
  end
end
return 1
"""
