// Makes pages that work without it more pleasant: read-outs in charts, what was open stays open, and a page that was
// left for long, or whose figures change, is loaded again. Numbers are taken from the tables of the page.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const STALE_MS = 15 * 60 * 1000;

  // Read-outs: the row of the table under the chart that belongs to the place of the pointer.
  for (const figure of document.querySelectorAll("figure.chart")) {
    const svg = figure.querySelector("svg.lines");
    const plot = figure.querySelector(".plot");
    const rows = figure.querySelectorAll("tbody tr");
    const names = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
    if (!svg || !rows.length) continue;
    let box = null;
    let line = null;
    let shown = -1;

    const hide = () => {
      if (box) box.hidden = true;
      if (line) line.setAttribute("visibility", "hidden");
      shown = -1;
    };
    const show = (index) => {
      shown = Math.max(0, Math.min(rows.length - 1, index));
      const cells = rows[shown].children;
      if (!box) {
        box = document.createElement("div");
        box.className = "readout";
        box.setAttribute("role", "status");
        plot.append(box);
        line = document.createElementNS(SVG, "line");
        line.setAttribute("class", "cursor");
        line.setAttribute("y1", "0");
        line.setAttribute("y2", "100%");
        svg.append(line);
      }
      box.textContent = "";
      const day = document.createElement("b");
      day.textContent = cells[0].textContent;
      box.append(day);
      for (let column = 1; column < cells.length; column += 1) {
        const row = document.createElement("div");
        for (const text of [names[column], cells[column].textContent]) {
          const part = document.createElement("span");
          part.textContent = text;
          row.append(part);
        }
        box.append(row);
      }
      box.hidden = false;
      const share = rows.length === 1 ? 0.5 : shown / (rows.length - 1);
      line.setAttribute("x1", `${share * 100}%`);
      line.setAttribute("x2", `${share * 100}%`);
      line.setAttribute("visibility", "visible");
      const area = svg.getBoundingClientRect();
      const outer = plot.getBoundingClientRect();
      const at = area.left - outer.left + share * area.width;
      const left = share > 0.5 ? at - box.offsetWidth - 12 : at + 12;
      box.style.left = `${Math.max(0, Math.min(left, outer.width - box.offsetWidth))}px`;
    };

    plot.addEventListener("pointermove", (event) => {
      const area = svg.getBoundingClientRect();
      const share = (event.clientX - area.left) / area.width;
      if (share < -0.02 || share > 1.02) return hide();
      const index = Math.round(share * (rows.length - 1));
      if (index !== shown) show(index);
    });
    plot.addEventListener("pointerleave", hide);
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", figure.querySelector(".chart-title").textContent);
    plot.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -7, PageDown: 7 };
      if (event.key in steps) show((shown < 0 ? rows.length - 1 : shown) + steps[event.key]);
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(rows.length - 1);
      else if (event.key === "Escape") return hide();
      else return;
      event.preventDefault();
    });
    plot.addEventListener("blur", hide);
  }

  // What the visitor opened stays open, and the list of customers keeps its filter, as long as the tab lives.
  const stored = {
    get: (key) => {
      try { return sessionStorage.getItem(key); } catch { return null; }
    },
    set: (key, value) => {
      try { sessionStorage.setItem(key, value); } catch { /* not allowed here */ }
    },
  };
  for (const details of document.querySelectorAll("details[id]")) {
    const key = `open:${location.pathname}:${details.id}`;
    if (stored.get(key) === "1") details.open = true;
    details.addEventListener("toggle", () => stored.set(key, details.open ? "1" : "0"));
  }
  const list = "/customers";
  if (location.pathname === list) {
    const kept = new URLSearchParams(location.search);
    for (const name of ["page", "lang"]) kept.delete(name);
    stored.set("list", kept.size ? `?${kept}` : "");
  }
  const filter = stored.get("list");
  if (filter && location.pathname !== list) {
    for (const link of document.querySelectorAll(`.menu a[href="${list}"]`)) link.href = list + filter;
  }

  // Empty fields are left out of the address.
  for (const form of document.querySelectorAll("form.filters, form.stacked")) {
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
    form.addEventListener("input", () => form.setAttribute("data-changed", ""));
  }

  // A page that somebody comes back to after a while is loaded again, unless a form is half filled in.
  const loaded = Date.now();
  document.addEventListener("visibilitychange", () => {
    const isOld = Date.now() - loaded > STALE_MS;
    if (!document.hidden && isOld && !document.querySelector("[data-changed]")) location.reload();
  });
  // Figures that changed while they are looked at are loaded again, as the server tells of them: two seconds later,
  // not again within half a minute, and not while something is filled in or pointed at.
  const { revision, customer } = document.body.dataset;
  if (revision && window.EventSource) {
    const QUIET_MS = 2000;
    const PAUSE_MS = 30 * 1000;
    // Tells the server that nobody clicked: it lets the session end as if nothing had been asked.
    const MARK = "__Host-insights-reload=1; Path=/; Secure; SameSite=Lax; Max-Age=";
    document.cookie = MARK + 0;
    const last = Number(stored.get("refreshed")) || 0;
    const reload = () => {
      const isBusy = document.querySelector("[data-changed], .readout:not([hidden]), :focus:is(input, select)");
      if (document.hidden || isBusy) return setTimeout(reload, QUIET_MS);
      stored.set("refreshed", String(Date.now()));
      document.cookie = MARK + 5;
      location.reload();
    };
    const events = new EventSource(`/watch?after=${revision}`);
    events.addEventListener("message", (event) => {
      const { customers, all } = JSON.parse(event.data);
      if (!all && !(customer ? customers.includes(customer) : customers.length)) return;
      events.close();
      setTimeout(reload, Math.max(QUIET_MS, last + PAUSE_MS - Date.now()));
    });
    // A page that is left behind keeps no connection.
    window.addEventListener("pagehide", () => events.close());
  }

  // The current item of a menu that is wider than the screen is brought into view.
  for (const current of document.querySelectorAll(".menu [aria-current], .tabs [aria-current]")) {
    const strip = current.closest("nav");
    strip.scrollLeft = current.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + current.offsetWidth / 2;
  }
})();
