"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const { overview, latencies, seconds } = JSON.parse($("#data").textContent);
  const audio = $("#sound"), chart = $("#overview"), delays = $("#latencies"), cursor = $(".cursor");
  const turns = $$(".turn").map((card) => ({
    card, number: Number(card.dataset.turn), start: Number(card.dataset.start), end: Number(card.dataset.end),
  }));
  const settings = { displayModeBar: false, responsive: true, doubleClick: "reset" };

  // --- the diagrams ---

  // A finger that strokes over a diagram scrolls the page; there are buttons for the rest.
  const touch = matchMedia("(pointer: coarse)").matches;
  overview.layout.dragmode = touch ? false : "zoom";
  const labels = overview.data.findIndex((trace) => trace.name === "turns");
  const axis = () => chart._fullLayout.xaxis;
  const range = () => axis().range.map((value) => axis().r2l(value));

  function show(from, to) {
    const whole = seconds * 1000, width = Math.min(Math.max(to - from, 200), whole);
    const start = Math.min(Math.max(from, 0), whole - width);
    Plotly.relayout(chart, { "xaxis.range": [start, start + width] });
  }

  function zoom(factor) {
    const [from, to] = range(), now = audio ? audio.currentTime * 1000 : from;
    const middle = now >= from && now <= to ? now : (from + to) / 2;
    show(middle - (middle - from) * factor, middle + (to - middle) * factor);
  }

  // Only as many numbers of turns as there is room for.
  let thinned = "";
  function thin(width) {
    let last = -Infinity;
    const [from, to] = range(), scale = (width || axis()._length) / (to - from);
    const texts = turns.map(({ number, start }) => {
      const at = start * 1000 * scale;
      if (start * 1000 < from || start * 1000 > to || at - last < 26) return "";
      last = at;
      return String(number);
    });
    if (texts.join() !== thinned) {
      thinned = texts.join();
      Plotly.restyle(chart, { text: [texts] }, [labels]);
    }
    follow();
  }

  Plotly.newPlot(chart, overview.data, overview.layout, settings).then(() => {
    chart.on("plotly_relayout", () => thin());
    thin();
  });
  if (delays) {
    Plotly.newPlot(delays, latencies.data, latencies.layout, settings);
    delays.on("plotly_click", ({ points }) => hear(turns.find((turn) => turn.number === points[0].x)));
  }

  const moves = {
    in: () => zoom(0.5),
    out: () => zoom(2),
    all: () => show(0, seconds * 1000),
    earlier: () => { const [a, b] = range(); show(a - (b - a) / 2, b - (b - a) / 2); },
    later: () => { const [a, b] = range(); show(a + (b - a) / 2, b + (b - a) / 2); },
  };
  for (const button of $$("[data-move]")) button.addEventListener("click", () => moves[button.dataset.move]());

  // A page of paper is narrower, and printing does not wait.
  function wide(width) {
    thin(width.width);
    for (const one of [chart, delays]) if (one) Plotly.relayout(one, width);
  }
  addEventListener("beforeprint", () => wide({ autosize: false, width: 672 }));
  addEventListener("afterprint", () => wide({ autosize: true, width: null }));

  // --- the turns ---

  function look(turn) {
    const room = Math.max(0.4, (turn.end - turn.start) * 0.1);
    show((turn.start - room) * 1000, (turn.end + room) * 1000);
    chart.scrollIntoView({ block: "center" });
  }

  for (const turn of turns) {
    turn.card.addEventListener("click", ({ target }) => {
      if (target.closest(".zoom")) look(turn);
      else if (target.closest(".hear") || (!target.closest("a") && getSelection().isCollapsed)) hear(turn);
    });
    turn.card.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const other = step && turns[turns.indexOf(turn) + step];
      if (!other) return;
      event.preventDefault();
      $("button", other.card)?.focus();
    });
  }

  // --- the sound ---

  let stop = Infinity;

  function hear(turn) {
    if (!audio || !turn || !$(".hear", turn.card)) return;
    if (!audio.paused && stop === turn.end) return audio.pause();
    stop = Infinity;  // until it is there: the old place may be behind the new end
    audio.currentTime = turn.start;
    stop = Math.max(turn.end, turn.start + 0.2);
    audio.play();
  }

  const clock = (at) => `${Math.floor(at / 60)}:${String(Math.floor(at % 60)).padStart(2, "0")}`;

  function follow() {
    if (!audio) return;
    const at = audio.currentTime, [from, to] = range();
    const inside = at * 1000 >= from && at * 1000 <= to;
    cursor.hidden = !inside;
    if (inside) cursor.style.left = `${axis()._offset + axis().l2p(at * 1000)}px`;
    $("#seek").value = at;
    $("#seek").setAttribute("aria-valuetext", clock(at));
    $("#clock").textContent = `${clock(at)} / ${clock(audio.duration || seconds)}`;
    const now = turns.filter((turn) => turn.start <= at + 0.05).pop();
    for (const turn of turns) {
      const is = turn === now && (at > 0 || !audio.paused);
      turn.card.classList.toggle("now", is);
      if (is) turn.card.setAttribute("aria-current", "true");
      else turn.card.removeAttribute("aria-current");
    }
  }

  function tick() {
    if (audio.currentTime >= stop) {
      audio.pause();
      stop = Infinity;
    }
    const [from, to] = range(), at = audio.currentTime * 1000;
    if (at > to && at - to < to - from) show(to, to + to - from);  // turn the leaf
    follow();
    if (!audio.paused) requestAnimationFrame(tick);
  }

  if (audio) {
    const play = $("#play"), shape = $("path", play), word = $("span", play);
    const state = () => {
      shape.setAttribute("d", audio.paused ? "M1 0 11 6 1 12Z" : "M1 0H4.5V12H1ZM7.5 0H11V12H7.5Z");
      word.textContent = audio.paused ? "Play" : "Pause";
    };
    play.addEventListener("click", () => {
      stop = Infinity;
      if (audio.paused) audio.play();
      else audio.pause();
    });
    audio.addEventListener("play", () => { state(); tick(); });
    audio.addEventListener("pause", () => { state(); follow(); });
    audio.addEventListener("seeked", follow);
    audio.addEventListener("loadedmetadata", follow);
    $("#seek").addEventListener("input", ({ target }) => {
      stop = Infinity;
      audio.currentTime = Number(target.value);
    });
    // Where nothing was dragged, plotly hands the click on to where it was.
    chart.addEventListener("click", (event) => {
      if (!event.target.closest(".nsewdrag")) return;
      const at = event.clientX - chart.getBoundingClientRect().left - axis()._offset;
      stop = Infinity;
      audio.currentTime = Math.min(Math.max(axis().p2l(at) / 1000, 0), audio.duration || seconds);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== " " || event.target.closest("button, input, a, summary")) return;
      event.preventDefault();
      play.click();
    });
  }
})();
