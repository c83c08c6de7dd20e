"""The Xtream Codes API as players read it. There is no standard: types are those of the classic panels, field by field
(reference xtream-codes-api.md, sections 2 to 6). Strings that hold numbers stay strings; no field is ever left out."""
