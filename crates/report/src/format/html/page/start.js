// Links within the page keep what the reader set.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const place = decode(link.getAttribute("href").slice(1));
  writeAddress(place);
  goTo(place);
});

// Dark and light: as the system has it, until the reader switches.
{
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showState = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${dark() ? "Light" : "Dark"} colours`);
  };
  // A browser may deny storage to a file. Then the choice lasts as long as the page.
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  } catch {}
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {}
    showState();
  });
  system.addEventListener("change", showState);
  showState();
}

for (const part of all("[data-script]")) part.hidden = false;
addEventListener("popstate", () => goTo(readAddress()));
goTo(readAddress());
