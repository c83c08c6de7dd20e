"""Countries as list makers write them: codes in front of a name, words behind it."""

from __future__ import annotations

_ISO = (
    "ad ae af ag al am ao ar at au az ba bb bd be bf bg bh bi bj bn bo br bs bw by bz ca cd cf cg ch ci cl cm cn "
    "co cr cu cv cy cz de dj dk dm do dz ec ee eg er es et fi fj fo fr ga gb ge gh gi gm gn gq gr gt gw gy hk hn "
    "hr ht hu id ie il in iq ir is it jm jo jp ke kg kh km kp kr kw kz la lb lc li lk lr ls lt lu lv ly ma mc md "
    "me mg mk ml mm mn mo mr mt mu mv mw mx my mz na ne ng ni nl no np nz om pa pe pg ph pk pl pr ps pt py qa ro "
    "rs ru rw sa sc sd se sg si sk sl sm sn so sr sv sy sz td tg th tj tl tm tn tr tt tw tz ua ug us uy uz va vc "
    "ve vn ye za zm zw xk "
)

#: Code in front of a name, in brackets or at the end of a guide id -> ISO code.
CODES = {
    **{code: code for code in _ISO.split()},
    "uk": "gb", "gbr": "gb", "usa": "us", "ger": "de", "deu": "de", "fra": "fr", "ita": "it", "esp": "es",
    "spa": "es", "por": "pt", "prt": "pt", "nld": "nl", "ned": "nl", "bel": "be", "aut": "at", "sui": "ch", "che": "ch",
    "tur": "tr", "pol": "pl", "rus": "ru", "swe": "se", "nor": "no", "den": "dk", "dnk": "dk", "fin": "fi",
    "gre": "gr", "grc": "gr", "rou": "ro", "rom": "ro", "hun": "hu", "cze": "cz", "svk": "sk", "cro": "hr", "srb": "rs",
    "bul": "bg", "alb": "al", "ind": "in", "can": "ca", "aus": "au", "mex": "mx", "bra": "br", "arg": "ar", "irl": "ie",
    "isr": "il", "jpn": "jp", "kor": "kr", "chn": "cn", "ukr": "ua",
}  # fmt: skip

#: Last word of a name -> ISO code. Two-letter codes that are also words or abbreviations of channels ("it", "no",
#: "in", "me", "tv") are left out: behind a name they say nothing.
WORDS = {
    "uk": "gb", "gb": "gb", "britain": "gb", "us": "us", "usa": "us", "de": "de", "germany": "de",
    "deutschland": "de", "fr": "fr", "france": "fr", "italy": "it", "italia": "it", "spain": "es",
    "espana": "es", "portugal": "pt", "nl": "nl", "netherlands": "nl", "nederland": "nl", "belgium": "be",
    "austria": "at", "osterreich": "at", "switzerland": "ch", "schweiz": "ch", "suisse": "ch", "ireland": "ie",
    "poland": "pl", "polska": "pl", "turkey": "tr", "turkiye": "tr", "greece": "gr", "russia": "ru", "sweden": "se",
    "sverige": "se", "norway": "no", "norge": "no", "denmark": "dk", "danmark": "dk", "finland": "fi", "suomi": "fi",
    "romania": "ro", "hungary": "hu", "czechia": "cz", "slovakia": "sk", "croatia": "hr", "serbia": "rs",
    "bulgaria": "bg", "albania": "al", "india": "in", "pakistan": "pk", "canada": "ca", "australia": "au",
    "mexico": "mx", "brazil": "br", "brasil": "br", "argentina": "ar", "chile": "cl", "colombia": "co", "peru": "pe",
    "israel": "il", "egypt": "eg", "japan": "jp", "korea": "kr", "china": "cn", "ukraine": "ua", "africa": "africa",
    "asia": "asia", "europe": "europe", "latino": "latam", "latam": "latam", "arabia": "arabia", "mena": "arabia",
}  # fmt: skip
