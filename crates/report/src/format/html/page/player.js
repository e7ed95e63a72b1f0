// The player: one time for the traces of all models. A cursor shows it in every picture, and words what each lane does then.
if (document.getElementById("player")) {
  const player = document.getElementById("player");
  const control = (name) => document.getElementById(`player-${name}`);
  const [play, back, forward, reset, slider] = ["play", "back", "forward", "reset", "slider"].map(control);
  const [speed, zoom, steps, clock, status] = ["speed", "zoom", "steps", "clock", "status"].map(control);
  const axis = { from: Number(slider.min), to: Number(slider.max) };
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  // The longest step of the time while it plays, and the shortest for readers who want less motion, in milliseconds.
  const FRAME_MOST = 100;
  const CALM_FRAME = 250;
  const WORDS_MOST = 4;

  const models = all("article.recorded", player).map((article) => {
    const trace = readTrace(article.querySelector("script").textContent);
    const svg = article.querySelector("svg");
    const row = all("tr[data-series]", player).find((row) => row.dataset.series === article.dataset.series);
    return {
      name: article.dataset.series,
      article,
      svg,
      box: article.querySelector(".picture"),
      trace,
      times: eventTimes(trace).filter((time) => time >= axis.from && time <= axis.to),
      lanes: placeLanes(article, svg),
      counts: [article.querySelector(".counts"), row.querySelector(".counts")],
      squares: all("[data-square]", row),
      place: [Number(svg.dataset.x0), Number(svg.dataset.x1)],
      ...drawCursor(svg),
    };
  });
  // Before the reader plays or steps, the pictures are whole.
  const now = { time: axis.from, begun: false, playing: false, request: null, pinned: null };

  // The words of each lane that has a row, which stand at the height of the row where the window is wide. The picture puts
  // threads that are blocked all the time together in one row.
  function placeLanes(article, svg) {
    return all(".lanes > div", article).map((place, lane) => {
      const name = svg.querySelector(`g[data-lane="${lane}"] .name`);
      place.hidden = !name;
      if (name) place.style.setProperty("--row", name.getAttribute("y"));
      return place.querySelector("dd");
    });
  }

  // A cover of what comes after the cursor, and the cursor, in a picture.
  function drawCursor(svg) {
    const { top, bottom } = svg.dataset;
    const make = (name, attributes) => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      svg.append(made);
      return made;
    };
    return {
      cover: make("rect", { class: "cover", y: top, height: bottom - top }),
      cursor: make("line", { class: "cursor", y1: top, y2: bottom }),
    };
  }

  const shown = () => models.filter(({ article }) => !article.closest(".off"));
  const ms = (time) => `${(time / 1e6).toFixed(3)} ms`;
  const write = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const placeOf = ({ place: [from, to] }, time) => from + ((time - axis.from) / (axis.to - axis.from)) * (to - from);

  function showModel(model) {
    const { trace, svg, cover, cursor } = model;
    const x = placeOf(model, now.time);
    svg.classList.toggle("playing", now.begun);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cover.setAttribute("x", x);
    cover.setAttribute("width", model.place[1] - x + 2);
    model.lanes.forEach((lane, index) => {
      const { state, words } = laneAt(trace, index, now.time);
      write(lane, words);
      lane.dataset.state = state;
    });
    for (const counts of model.counts) write(counts, requestsInWords(trace, now.time));
    for (const square of model.squares) {
      const request = trace.requests.find(({ number }) => String(number) === square.dataset.square);
      square.dataset.state = request ? requestAt(request, now.time) : "none";
    }
  }

  function show() {
    slider.value = now.time;
    slider.setAttribute("aria-valuetext", ms(now.time));
    write(clock, ms(now.time));
    for (const model of shown()) showModel(model);
    play.textContent = now.playing ? "Pause" : "Play";
    player.classList.toggle("is-playing", now.playing);
    if (now.begun) follow();
  }

  // Keeps the cursor in sight where a picture is wider than the window. All pictures scroll together.
  function follow() {
    const model = shown()[0];
    if (!model || model.box.scrollWidth <= model.box.clientWidth) return;
    const { box, svg } = model;
    const { a, e } = svg.getScreenCTM();
    const x = a * placeOf(model, now.time) + e - box.getBoundingClientRect().left + box.scrollLeft;
    if (x < box.scrollLeft + 24 || x > box.scrollLeft + box.clientWidth - 24) box.scrollLeft = x - box.clientWidth / 3;
  }

  function seek(time) {
    now.time = Math.min(Math.max(Math.round(time), axis.from), axis.to);
    now.begun = true;
    show();
  }

  function pause() {
    now.playing = false;
    show();
  }

  function start() {
    if (!now.begun || now.time >= axis.to) now.time = axis.from;
    Object.assign(now, { playing: true, begun: true });
    write(status, "");
    let last = null;
    const frame = (at) => {
      if (!now.playing) return;
      last ??= at;
      const passed = at - last;
      if (!isCalm.matches || passed >= CALM_FRAME) {
        last = at;
        const most = isCalm.matches ? 2 * CALM_FRAME : FRAME_MOST;
        // The speed is in real seconds for a millisecond of the trace.
        now.time = Math.min(now.time + (Math.min(passed, most) * 1000) / Number(speed.value), axis.to);
        if (now.time >= axis.to) now.playing = false;
        show();
      }
      requestAnimationFrame(frame);
    };
    show();
    requestAnimationFrame(frame);
  }

  const toggle = () => (now.playing ? pause() : start());

  // To the next event, or to the one before, of all models or of the one that was chosen.
  function step(direction) {
    now.playing = false;
    const chosen = shown().filter(({ name }) => steps.value === "" || name === steps.value);
    const time = now.begun ? now.time : axis.from - 1;
    const next = chosen.map(({ times }) => {
      const index = lastBegun(times, direction > 0 ? time : time - 1, (time) => time);
      return times[direction > 0 ? index + 1 : index];
    });
    const found = next.filter((time) => time !== undefined);
    if (found.length === 0) return pause();
    seek(direction > 0 ? Math.min(...found) : Math.max(...found));
    describe(chosen);
  }

  function describe(chosen) {
    const events = chosen.map(({ name, trace }) => {
      const words = eventsAt(trace, now.time);
      const more = words.length > WORDS_MOST ? [`${words.length - WORDS_MOST + 1} more`] : [];
      const first = words.slice(0, more.length > 0 ? WORDS_MOST - 1 : WORDS_MOST);
      return words.length > 0 ? `${name}: ${[...first, ...more].join(", ")}` : null;
    });
    write(status, `${ms(now.time)}: ${events.filter(Boolean).join("; ")}`);
  }

  function end(time) {
    now.playing = false;
    seek(time);
    write(status, "");
  }

  play.addEventListener("click", toggle);
  back.addEventListener("click", () => step(-1));
  forward.addEventListener("click", () => step(1));
  reset.addEventListener("click", () => {
    Object.assign(now, { time: axis.from, begun: false, playing: false, pinned: null });
    write(status, "");
    light(null);
    show();
    for (const { box } of models) box.scrollLeft = 0;
  });
  slider.addEventListener("input", () => {
    now.playing = false;
    write(status, "");
    seek(Number(slider.value));
  });

  player.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
    const inPicture = markAt(event.target);
    const action = {
      " ": event.target.closest("button, summary") ? null : toggle,
      ArrowRight: () => (inPicture ? move(inPicture, 1, 0) : step(1)),
      ArrowLeft: () => (inPicture ? move(inPicture, -1, 0) : step(-1)),
      ArrowUp: inPicture ? () => move(inPicture, 0, -1) : event.target === slider ? () => step(1) : null,
      ArrowDown: inPicture ? () => move(inPicture, 0, 1) : event.target === slider ? () => step(-1) : null,
      Home: () => end(axis.from),
      End: () => end(axis.to),
      Escape: hideTip,
    }[event.key];
    if (!action) return;
    if (event.key !== "Escape") event.preventDefault();
    action();
  });

  // A mark is all that has words: a state of a thread, a request, an arrow. The script shows them, so the browser should not.
  for (const { svg, trace } of models) {
    for (const title of all(":scope > * title", svg)) {
      const mark = title.parentElement;
      const lane = trace.lanes[mark.closest("g[data-lane]")?.dataset.lane]?.name;
      const words = title.textContent;
      mark.dataset.label = lane === undefined || words.startsWith(lane) ? words : `${lane}: ${words}`;
      title.remove();
    }
  }
  const MARK = "[data-label]";
  const markAt = (target) => target?.closest?.(`.picture ${MARK}`);

  // The mark at a place in the window. Lines and arrows are thin, and a little beside them counts too.
  function markNear(svg, x, y) {
    const at = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM().inverse());
    const REACH = { x: 2 / Number(zoom.value), up: 12, down: 3 };
    let [found, best] = [null, Infinity];
    for (const mark of all(MARK, svg)) {
      const box = mark.getBBox();
      if (at.x < box.x - REACH.x || at.x > box.x + box.width + REACH.x) continue;
      const beside = Math.max(box.y - at.y, at.y - box.y - box.height, 0);
      if (at.y < box.y - REACH.up || at.y > box.y + box.height + REACH.down) continue;
      // The nearest, of these the narrowest, and of these the last, which is on top.
      const worth = Math.round(beside) * 10_000 + box.width;
      if (worth <= best) [found, best] = [mark, worth];
    }
    return found;
  }

  // Marks a request in all pictures and in the table, or none.
  function light(number) {
    now.request = number;
    player.classList.toggle("is-lit", number !== null);
    for (const part of all("[data-request], [data-square], [data-light]", player)) {
      const own = part.dataset.request ?? part.dataset.square ?? part.dataset.light;
      part.classList.toggle("lit", number !== null && own === number);
    }
    for (const button of all("[data-light]", player)) button.setAttribute("aria-pressed", String(button.dataset.light === now.pinned));
  }

  // A band may be much wider than the window, and its words belong where the pointer is.
  const spot = (event) => ({ left: event.clientX, right: event.clientX, top: event.clientY - 6, bottom: event.clientY + 14 });

  const inSight = (mark) => {
    const [own, frame] = [mark, mark.closest(".picture")].map((part) => part.getBoundingClientRect());
    const [left, right] = [Math.max(own.left, frame.left), Math.min(own.right, frame.right)];
    return { left, right: Math.max(left, right), top: own.top, bottom: own.bottom };
  };

  const numberOf = (part) => part?.dataset.request ?? part?.dataset.square ?? part?.dataset.light ?? null;

  // What the pointer is on: its words, and its request's way.
  function point(event) {
    const svg = event.target.closest(".picture svg");
    const mark = svg && markNear(svg, event.clientX, event.clientY);
    if (mark) showTip(mark.dataset.label, spot(event));
    else if (!markAt(document.activeElement)) hideTip();
    const numbered = numberOf(mark ?? event.target.closest("[data-square], [data-light]")) ?? now.pinned;
    if (numbered !== now.request) light(numbered);
  }
  player.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "touch") point(event);
  });
  player.addEventListener("pointerleave", () => {
    hideTip();
    light(now.pinned);
  });

  player.addEventListener("click", (event) => {
    const button = event.target.closest("[data-light]");
    if (button) {
      now.pinned = now.pinned === button.dataset.light ? null : button.dataset.light;
      return light(now.pinned);
    }
    const model = models.find(({ box }) => box.contains(event.target));
    if (!model) return;
    // A finger does not hover: it points by a tap.
    if (event.pointerType === "touch") point(event);
    const { svg, place } = model;
    const { a, e } = svg.getScreenCTM();
    const share = ((event.clientX - e) / a - place[0]) / (place[1] - place[0]);
    if (share >= 0 && share <= 1) end(axis.from + share * (axis.to - axis.from));
  });

  // The tab key stops once at each picture. The arrow keys go from mark to mark of a lane, and from lane to lane.
  for (const { svg } of models) {
    svg.setAttribute("role", "group");
    const marks = all(MARK, svg);
    marks.forEach((mark, index) => {
      mark.setAttribute("role", "img");
      mark.setAttribute("aria-label", mark.dataset.label);
      mark.setAttribute("tabindex", index === 0 ? "0" : "-1");
    });
  }
  player.addEventListener("focusin", ({ target }) => {
    const mark = markAt(target);
    if (!mark) return;
    for (const other of all("[tabindex='0']", mark.ownerSVGElement)) other.setAttribute("tabindex", "-1");
    mark.setAttribute("tabindex", "0");
    showTip(mark.dataset.label, inSight(mark));
    light(numberOf(mark) ?? now.pinned);
  });
  player.addEventListener("focusout", hideTip);
  followFocus(() => markAt(document.activeElement), (mark) => showTip(mark.dataset.label, inSight(mark)));

  const begin = (mark) => Number(mark.dataset.from ?? -Infinity);
  const laneOf = (mark) => Number(mark.closest("[data-lane]")?.dataset.lane ?? -1);

  // Moves the focus by marks of the same lane, or by lanes to the mark of about the same time. The time goes along.
  function move(mark, along, across) {
    const marks = all(MARK, mark.ownerSVGElement);
    const inLane = (lane) => marks.filter((other) => laneOf(other) === lane).sort((a, b) => begin(a) - begin(b));
    let next;
    if (along !== 0) {
      const own = inLane(laneOf(mark));
      next = own[own.indexOf(mark) + along];
    } else {
      const lanes = [...new Set(marks.map(laneOf))].sort((a, b) => a - b);
      const lane = inLane(lanes[lanes.indexOf(laneOf(mark)) + across] ?? NaN);
      next = lane[Math.max(0, lastBegun(lane, begin(mark), begin))];
    }
    if (!next) return;
    if (next.dataset.from) end(begin(next));
    next.focus();
  }

  function zoomTo(factor) {
    for (const { svg } of models) zoomPicture(svg, factor);
    player.classList.toggle("is-zoomed", factor > 1);
  }
  zoom.addEventListener("change", () => {
    zoomTo(Number(zoom.value));
    // What was at the left edge is somewhere else.
    if (now.begun) follow();
    else for (const { box } of models) box.scrollLeft = 0;
  });
  addEventListener("beforeprint", () => zoomTo(1));
  addEventListener("afterprint", () => zoomTo(Number(zoom.value)));

  let scrolling = false;
  for (const { box } of models) {
    box.addEventListener("scroll", () => {
      if (scrolling) return;
      scrolling = true;
      for (const other of models) other.box.scrollLeft = box.scrollLeft;
      requestAnimationFrame(() => (scrolling = false));
    }, { passive: true });
  }

  // A server that is hidden has no part in the steps.
  observers.push(() => {
    for (const option of steps.options) option.disabled = option.value !== "" && !isShown("models", option.value);
    if (steps.selectedOptions[0]?.disabled) steps.value = "";
    show();
  });
}
