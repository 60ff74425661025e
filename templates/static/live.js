/*
 * live -- keeps an open page as fresh as one just loaded. Without it every page works, and stands still.
 *
 * Numbers: data-live="a.b" shows the text of that member of /api/stats.json, data-live-value sets a bar
 * by it, <time data-ago> tells how long ago. Times stand there in UTC, and are told in the reader's zone;
 * only days, of people and boards, stay UTC's, for they are counted so. All the rest: the page asks for itself, and what is shown is
 * made to say what came. What is the same is not touched, so focus, selection, scrolling and what is open
 * stay; names are parsed as at any load of the page, and nothing here makes markup of text.
 *
 * Polls while the page is looked at, the slower the longer the tracker cannot be reached, and says how
 * old the numbers are: by the server's clock, for nginx shows them as they were while the tracker is down.
 */
(function () {
	"use strict";

	var PAGE_MS = 15000, MOST_MS = 120000;
	var main = document.getElementById("main"), fresh = document.getElementById("fresh");
	var numbered = main.querySelector("[data-live]") !== null;
	var pollMs = numbered ? 5000 : PAGE_MS; /* up to thrice that old is live */
	var etags = {}, keys = new WeakMap(), numbers = null, misses = 0, timer = 0, asking = false, heardOnce = false;
	var held = null; /* the range of what is selected */
	var zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
	var pageAt = Date.now() + PAGE_MS; /* when the page is to be asked for */
	var madeAt = 0, trueAt = Date.now(); /* of what is shown, on the server's clock and on ours */

	function member(data, path) {
		return path.split(".").reduce(function (at, key) {
			return at === undefined || at === null ? undefined : at[key];
		}, data);
	}

	function text(value) {
		if (value === null || value === undefined)
			return "";
		return typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 2 }) : String(value);
	}

	/* Once before a change: each such question has the whole page laid out. */
	function findSelection() {
		var selection = getSelection();

		held = selection.isCollapsed ? null : selection.getRangeAt(0);
	}

	function selected(node) {
		return held !== null && held.intersectsNode(node);
	}

	function set(node, value) {
		if (node.textContent !== value && !selected(node))
			node.textContent = value;
	}

	/* ---- numbers and times, in the page that is shown or in one that came ---- */

	function bars(root) {
		root.querySelectorAll("[data-live-bar]").forEach(function (svg) {
			var parts = member(numbers, svg.dataset.liveBar), x = 0;
			var stage = member(numbers, svg.dataset.liveBar.replace(/\.bar$/, ""));

			if (!parts)
				return;
			svg.setAttribute("aria-label", text(stage.done) + " done, " + text(stage.in_hand) + " in hand, " +
				text(stage.open) + " open, " + text(stage.failed) + " failed of " + text(stage.jobs));
			svg.querySelectorAll("[data-seg]").forEach(function (rect, i) {
				rect.setAttribute("x", x);
				rect.setAttribute("width", parts[i]);
				x += parts[i];
			});
		});
	}

	function show(root) {
		if (!numbers)
			return;
		root.querySelectorAll("[data-live], [data-live-value]").forEach(function (node) {
			if (node.dataset.live)
				set(node, text(member(numbers, node.dataset.live)));
			if (node.dataset.liveValue)
				node.value = member(numbers, node.dataset.liveValue) || 0;
		});
		bars(root);
	}

	function span(s) {
		if (s < 60)
			return s + " s";
		if (s < 3600)
			return Math.floor(s / 60) + " min";
		if (s < 86400)
			return Math.floor(s / 3600) + " h";
		if (s < 63115200)
			return Math.floor(s / 86400) + (s < 172800 ? " day" : " days");
		return s < 31557600000 ? Math.floor(s / 31557600) + " years" : "1,000 years and more";
	}

	function ago(then, now) {
		var s = Math.max(0, Math.floor((now - then) / 1000));

		return s < 5 ? "just now" : span(s) + " ago";
	}

	/* In the words that the page has for it: 09:05, 7 Nov, Nov 2026. */
	function local(then, text) {
		return then.toLocaleString("en-GB", /:/.test(text) ? { hour: "2-digit", minute: "2-digit" } :
			/\d{4}/.test(text) ? { month: "short", year: "numeric" } : { day: "numeric", month: "short" });
	}

	function zones(root) {
		if (zone === "UTC")
			return;
		root.querySelectorAll("time[datetime]").forEach(function (node) {
			var then = new Date(node.getAttribute("datetime"));

			if (isNaN(then))
				return;
			if (node.hasAttribute("data-tick"))
				set(node, local(then, node.textContent));
			else if (node.title)
				node.title = then.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
		});
	}

	function ages(root) {
		root.querySelectorAll("time[data-ago]").forEach(function (node) {
			var then = Date.parse(node.getAttribute("datetime"));

			if (!isNaN(then))
				set(node, ago(then, Date.now()));
		});
	}

	function tick() {
		var old = Math.floor((Date.now() - trueAt) / 1000);

		findSelection();
		ages(main);
		if (fresh && heardOnce) {
			set(fresh, misses > 1 ? "The tracker cannot be reached; these numbers are " + span(old) + " old." :
				old * 1000 < 3 * pollMs ? "Numbers are live." : "These numbers are " + span(old) + " old.");
			fresh.parentNode.parentNode.classList.toggle("late", misses > 1 || old * 1000 > 12 * pollMs);
		}
	}

	/* ---- the page ---- */

	/* What an element is about: a row and an entry by where their first link leads, a section by its heading. */
	function key(node) {
		if (node.nodeType === Node.ELEMENT_NODE && !keys.has(node)) {
			var link = node.matches("tr, .feed li") && node.querySelector("a");

			keys.set(node, [node.nodeName, node.getAttribute("aria-labelledby"), link && link.getAttribute("href")].join());
		}
		return keys.get(node);
	}

	/* The one among `at` and its next siblings that is about the same as `now`; of text only `at` itself. */
	function match(at, now) {
		var wanted = key(now);

		if (!wanted)
			return at && at.nodeType === now.nodeType ? at : null;
		while (at && key(at) !== wanted)
			at = at.nextSibling;
		return at;
	}

	/* Removes the siblings from `at` up to `end`, but those in which somebody is. */
	function drop(at, end) {
		while (at !== end) {
			var next = at.nextSibling;

			if (!at.contains(document.activeElement) && !selected(at))
				at.remove();
			at = next;
		}
	}

	function mergeAttributes(old, now) {
		old.getAttributeNames().forEach(function (name) {
			if (!now.hasAttribute(name) && name !== "open")
				old.removeAttribute(name);
		});
		now.getAttributeNames().forEach(function (name) {
			if (old.getAttribute(name) !== now.getAttribute(name))
				old.setAttribute(name, now.getAttribute(name));
		});
	}

	/* Makes `old` like `now`, which it takes apart. */
	function merge(old, now) {
		var at = old.firstChild;

		if (old.isEqualNode(now))
			return;
		if (old.nodeType !== Node.ELEMENT_NODE) {
			set(old, now.textContent);
			return;
		}
		mergeAttributes(old, now);
		Array.from(now.childNodes).forEach(function (child) {
			var same = match(at, child);

			if (same) {
				drop(at, same);
				merge(same, child);
				at = same.nextSibling;
			} else
				old.insertBefore(child, at);
		});
		drop(at, null);
	}

	function renew(html) {
		var page = new DOMParser().parseFromString(html, "text/html"), now = page.getElementById("main");

		if (!now)
			throw new Error("not a page of the tracker");
		findSelection();
		show(now);
		zones(now);
		ages(now);
		merge(main, now);
		if (!numbered)
			madeAt = Date.parse(page.querySelector("#fresh time").getAttribute("datetime"));
	}

	/* ---- asking ---- */

	/* Hands what came to `take`, unless it is what we have. */
	function ask(address, take) {
		return fetch(address, { headers: etags[address] ? { "If-None-Match": etags[address] } : {}, cache: "no-store" }).then(function (reply) {
			if (!reply.ok && reply.status !== 304)
				throw new Error(String(reply.status));
			return (reply.ok ? reply.text().then(take) : Promise.resolve()).then(function () {
				etags[address] = reply.headers.get("ETag") || "";
				return Date.parse(reply.headers.get("Date")) || 0;
			});
		});
	}

	function askNumbers() {
		return ask("/api/stats.json", function (json) {
			numbers = JSON.parse(json);
			madeAt = Date.parse(numbers.at);
			findSelection();
			show(main);
		});
	}

	function askPage() {
		return ask(location.pathname + location.search, renew).then(function (served) {
			pageAt = Date.now() + PAGE_MS;
			return served;
		});
	}

	/* What is told once is not asked for again. */
	function again() {
		clearTimeout(timer);
		timer = document.hidden || main.querySelector("[data-once]") ? 0 : setTimeout(poll, Math.min(MOST_MS, pollMs * Math.pow(2, misses)) * (0.8 + 0.4 * Math.random()));
	}

	function poll() {
		if (asking || main.querySelector("[data-once]"))
			return;
		asking = true;
		(numbered ? askNumbers() : askPage()).then(function (served) {
			trueAt = Date.now() - Math.max(0, served - madeAt);
			return numbered && Date.now() >= pageAt ? askPage() : null;
		}).then(function () {
			misses = 0;
		}, function () {
			misses++;
		}).then(function () {
			asking = false;
			heardOnce = true;
			tick();
			again();
		});
	}

	document.addEventListener("visibilitychange", function () {
		if (document.hidden) {
			clearTimeout(timer);
			return;
		}
		misses = 0;
		pageAt = 0;
		poll();
	});
	zones(main);
	if (zone !== "UTC")
		document.getElementById("zone").textContent = "Times are of your zone, " + zone + "; days are counted in UTC.";
	tick();
	setInterval(function () {
		if (!document.hidden)
			tick();
	}, 5000);
	again();
})();
