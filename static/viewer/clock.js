// Tells the server where this browser's clock stands, so that pages come with the person's own times.

const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const wanted = `tz=${encodeURIComponent(here)}`;
const told = () => document.cookie.split("; ").includes(wanted);

if (here && !told()) {
  document.cookie = `${wanted}; path=/; max-age=31536000; samesite=lax`;
  // Once only: a browser that keeps no cookies is shown the house's times.
  if (told()) location.reload();
}
