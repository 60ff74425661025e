/*
 * live -- keeps the numbers of a page fresh. Without it every page works, and stands still.
 *
 * data-live="a.b" shows the text of that member of /api/stats.json, data-live-value sets a bar by it,
 * <time data-ago> tells how long ago. Polls while the page is looked at, the slower the longer the
 * tracker cannot be reached, and says how old the numbers are: by the server's clock, for nginx shows
 * them as they were while the tracker is down.
 */
(function () {
	"use strict";

	var POLL_MS = 5000, MOST_MS = 120000, LIVE_S = 15, LATE_S = 60;
	var etag = "", misses = 0, timer = 0, heardOnce = false;
	var madeAt = 0, trueAt = Date.now(); /* of the numbers, on the server's clock and on ours */
	var fresh = document.getElementById("fresh");
	var shown = document.querySelectorAll("[data-live], [data-live-value]");

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

	function set(node, value) {
		if (node.textContent !== value)
			node.textContent = value;
	}

	function bars(data) {
		document.querySelectorAll("[data-live-bar]").forEach(function (svg) {
			var parts = member(data, svg.dataset.liveBar), x = 0;
			var stage = member(data, svg.dataset.liveBar.replace(/\.bar$/, ""));

			if (!parts)
				return;
			svg.setAttribute("aria-label", text(stage.done) + " done, " + text(stage.in_hand) + " in hand, " +
				text(stage.open) + " open, " + text(stage.failed) + " failed of " + text(data.jobs));
			svg.querySelectorAll("[data-seg]").forEach(function (rect, i) {
				rect.setAttribute("x", x);
				rect.setAttribute("width", parts[i]);
				x += parts[i];
			});
		});
	}

	function show(data) {
		shown.forEach(function (node) {
			if (node.dataset.live)
				set(node, text(member(data, node.dataset.live)));
			if (node.dataset.liveValue)
				node.value = member(data, node.dataset.liveValue) || 0;
		});
		bars(data);
	}

	function span(s) {
		if (s < 60)
			return s + " s";
		if (s < 3600)
			return Math.floor(s / 60) + " min";
		if (s < 86400)
			return Math.floor(s / 3600) + " h";
		return Math.floor(s / 86400) + (s < 172800 ? " day" : " days");
	}

	function ago(then, now) {
		var s = Math.max(0, Math.floor((now - then) / 1000));

		return s < 5 ? "just now" : span(s) + " ago";
	}

	function tick() {
		var now = Date.now(), old = Math.floor((now - trueAt) / 1000);

		document.querySelectorAll("time[data-ago]").forEach(function (node) {
			var then = Date.parse(node.getAttribute("datetime"));

			if (!isNaN(then))
				set(node, ago(then, now));
		});
		if (fresh && heardOnce) {
			set(fresh, misses > 1 ? "The tracker cannot be reached; these numbers are " + span(old) + " old." :
				old < LIVE_S ? "Numbers are live." : "These numbers are " + span(old) + " old.");
			fresh.parentNode.parentNode.classList.toggle("late", misses > 1 || old > LATE_S);
		}
	}

	function again() {
		clearTimeout(timer);
		timer = document.hidden ? 0 : setTimeout(poll, Math.min(MOST_MS, POLL_MS * Math.pow(2, misses)) * (0.8 + 0.4 * Math.random()));
	}

	function poll() {
		var served = 0;

		fetch("/api/stats.json", { headers: etag ? { "If-None-Match": etag } : {}, cache: "no-store" }).then(function (reply) {
			served = Date.parse(reply.headers.get("Date")) || 0;
			if (reply.status === 304)
				return null;
			if (!reply.ok)
				throw new Error(String(reply.status));
			etag = reply.headers.get("ETag") || "";
			return reply.json();
		}).then(function (data) {
			misses = 0;
			heardOnce = true;
			if (data) {
				madeAt = Date.parse(data.at);
				show(data);
			}
			trueAt = Date.now() - Math.max(0, served - madeAt);
			tick();
		}).catch(function () {
			misses++;
			heardOnce = true;
			tick();
		}).then(again);
	}

	document.addEventListener("visibilitychange", function () {
		if (document.hidden) {
			clearTimeout(timer);
			return;
		}
		misses = 0;
		poll();
	});
	tick();
	setInterval(function () {
		if (!document.hidden)
			tick();
	}, 5000);
	if (shown.length > 0)
		again();
})();
