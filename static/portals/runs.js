// Keeps a block of progress fresh: asks its address every second until nothing is under way any more.
// `data-reload`: the page around it tells more once the run has ended, so it is loaded again then.
for (const block of document.querySelectorAll("[data-runs]")) {
  let seen = false;
  const ask = async () => {
    let answer;
    try {
      answer = await fetch(block.dataset.runs, { headers: { Accept: "text/html" } });
    } catch {
      setTimeout(ask, 5000);
      return;
    }
    if (answer.status === 200 && !answer.redirected) {
      seen = true;
      block.innerHTML = await answer.text();
      setTimeout(ask, 1000);
    } else if (answer.status === 204) {
      block.replaceChildren();
      if (seen || "reload" in block.dataset) location.reload();
      else setTimeout(ask, 10000);
    }
  };
  ask();
}
