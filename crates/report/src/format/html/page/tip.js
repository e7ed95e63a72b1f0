// The tooltip: one for the page.
const tip = document.getElementById("tip");

// Shows a text above a place, or below it where there is no room. A place is { left, right, top, bottom } in the window.
function showTip(text, at) {
  tip.textContent = text;
  tip.hidden = false;
  const left = (at.left + at.right) / 2 - tip.offsetWidth / 2;
  const above = at.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(4, Math.min(left, document.documentElement.clientWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${above < 4 ? at.bottom + 8 : above}px`;
}

function hideTip() {
  tip.hidden = true;
}

// Runs `show` for the element that has the focus when the page scrolls: it may be in view only then, and the tooltip goes
// with it. `find` returns this element, or nothing.
function followFocus(find, show) {
  const follow = () => {
    const element = find();
    if (element) show(element);
  };
  addEventListener("scroll", follow, { passive: true, capture: true });
}
addEventListener("scroll", hideTip, { passive: true, capture: true });
