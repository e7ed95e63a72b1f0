// What a trace shows at a time. It has no part of the page, so that it can be read and tested alone.
//
// All times are nanoseconds from when the first request was due. A trace is { from, to, lanes, wakes, requests }: a lane
// { name, from, slices: [{ from, to, state, call }] }, a wake { at, lane, by }, a request { number, due, sent, received,
// parts: [{ lane, from, to }] }.

const STATES = ["running", "runnable", "blocked"];

// Reads a trace as the page has it, with lists in place of names.
function readTrace(text) {
  const data = JSON.parse(text);
  const lanes = data.lanes.map(({ name, from, slices }) => {
    let begin = from;
    const read = slices.map(([to, state, call]) => {
      const slice = { from: begin, to, state: STATES[state], call: call < 0 ? null : data.calls[call] };
      begin = to;
      return slice;
    });
    return { name, from, to: begin, slices: read };
  });
  const wakes = data.wakes.map(([at, lane, by]) => ({ at, lane, by }));
  const requests = data.requests.map(([number, due, sent, received, parts]) => ({
    number,
    due,
    sent,
    received,
    parts: parts.map(([lane, from, to]) => ({ lane, from, to })),
  }));
  return { from: data.from, to: data.to, lanes, wakes, requests };
}

// The index of the last of sorted items that begins at this time or before it; -1 if there is none.
function lastBegun(items, time, begin) {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (begin(items[middle]) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

// The requests that a lane holds at a time, in words; empty if there are none.
function heldBy(trace, lane, time) {
  const holds = (part) => part.lane === lane && part.from <= time && time < part.to;
  const numbers = trace.requests.filter((request) => request.parts.some(holds)).map((request) => request.number);
  if (numbers.length === 0) return "";
  return `${numbers.length > 1 ? "requests" : "request"} ${listed(numbers)}`;
}

// The state of a lane at a time: { state, words }. The last moment of a trace belongs to what was before it.
function laneAt(trace, index, time) {
  const lane = trace.lanes[index];
  if (time < trace.from || time > trace.to) return { state: "unknown", words: "–" };
  if (time < lane.from || lane.slices.length === 0) return { state: "absent", words: "not started" };
  if (time >= lane.to && lane.to < trace.to) return { state: "absent", words: "ended" };
  const slice = lane.slices[Math.min(lastBegun(lane.slices, time, (slice) => slice.from), lane.slices.length - 1)];
  const held = heldBy(trace, index, time);
  if (slice.state === "running") return { state: "running", words: runs(slice.call, held) };
  return { state: slice.state, words: `${held && `${held}: `}${waits(slice.state, slice.call)}` };
}

const runs = (call, held) => `runs${held && ` ${held}`}${call ? `, in ${call}` : ""}`;
const waits = (state, call) => (state === "runnable" ? "runnable, waits for a CPU" : `blocked${call ? ` in ${call}` : ""}`);

// Where a request is at a time: "none" before it is sent, "unread", "held" by a thread, "unheld" where it was read and no
// thread holds it, "unseen" where the records do not show who read it, and "answered".
function requestAt(request, time) {
  if (time < request.sent) return "none";
  if (time >= request.received) return "answered";
  if (request.parts.length === 0) return "unseen";
  if (time < request.parts[0].from) return "unread";
  return request.parts.some((part) => part.from <= time && time < part.to) ? "held" : "unheld";
}

// How many requests wait, are in progress and are answered at a time, in words.
function requestsInWords(trace, time) {
  if (time < trace.from) return "the trace has not begun";
  if (time > trace.to) return `${trace.requests.length} answered, the trace has ended`;
  const count = { none: 0, unread: 0, held: 0, unheld: 0, unseen: 0, answered: 0 };
  for (const request of trace.requests) count[requestAt(request, time)] += 1;
  const unseen = count.unseen > 0 ? `${count.unseen} sent, ` : "";
  return `${unseen}${count.unread} waiting, ${count.held + count.unheld} in progress, ${count.answered} answered`;
}

// The times at which anything happens, from the first, each once.
function eventTimes(trace) {
  const times = [
    ...trace.lanes.flatMap((lane) => [lane.from, ...lane.slices.map((slice) => slice.to)]),
    ...trace.wakes.map((wake) => wake.at),
    ...trace.requests.flatMap((request) => [
      request.sent,
      request.received,
      ...request.parts.flatMap((part) => [part.from, part.to]),
    ]),
  ];
  return [...new Set(times)].sort((a, b) => a - b);
}

// What happens at a time, in words: a list.
function eventsAt(trace, time) {
  const names = trace.lanes.map((lane) => lane.name);
  const events = time === trace.from ? ["the trace begins"] : time === trace.to ? ["the trace ends"] : [];
  for (const { number, sent, received } of trace.requests) {
    if (sent === time) events.push(`request ${number} is sent`);
    if (received === time) events.push(`request ${number} is answered`);
  }
  const woken = trace.wakes.filter(({ at }) => at === time);
  for (const { lane, by } of woken) {
    events.push(`${by === -1 ? "the client" : by === -2 ? "the kernel" : names[by]} wakes ${names[lane]}`);
  }
  trace.lanes.forEach((lane, index) => {
    if (lane.from === time && time > trace.from) events.push(`${lane.name} starts`);
    if (lane.to === time && time < trace.to) events.push(`${lane.name} ends`);
    const slice = time > trace.from && time < lane.to ? lane.slices.find((slice) => slice.from === time) : undefined;
    const isPassed = ({ parts }) => parts.some((part) => part.lane === index && (part.from === time || part.to === time));
    if (!slice && !trace.requests.some(isPassed)) return;
    const { state, call } = slice ?? lane.slices[lastBegun(lane.slices, time, (slice) => slice.from)];
    const held = heldBy(trace, index, time);
    // That a thread is runnable follows from that it was woken.
    if (state === "running") events.push(`${lane.name} ${runs(call, held)}`);
    else if (!woken.some((wake) => wake.lane === index)) events.push(`${lane.name} is ${waits(state, call)}${held && `, with ${held}`}`);
  });
  return events;
}
