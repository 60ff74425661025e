{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<h1 class="sr">Dashboard</h1>
{{#EMPTY}}
<section class="card empty">
<h2>No jobs are loaded yet</h2>
<p>The tracker is up and waits for something to do. Load a job set, a job a line:</p>
<pre><code>distcompute-load --txt jobs.txt</code></pre>
<p>or as a JSON list of strings, lists or objects, or as names with braces:</p>
<pre><code>distcompute-load --json jobs.json
distcompute-load --brace "s3://bucket/{0000..9999}.tar"</code></pre>
<p>Then start a worker on any machine:</p>
<pre><code>distcompute-worker --url {{URL}} --stage a --nickname "Your name" -- ./process.sh</code></pre>
</section>
{{/EMPTY}}
{{#PROGRESS}}
<section class="card hero" aria-label="Progress">
<div class="hero-main">
<p class="percent"><b data-live="percent_text">{{PERCENT}}</b> <span>complete</span></p>
<progress max="100" value="{{PERCENT_VALUE}}" data-live-value="percent" aria-label="Work that is done">{{PERCENT}}</progress>
<p class="eta"><span class="label">ETA</span> <b data-live="eta_text">{{ETA}}</b> <span class="dim" data-live="eta_range_text">{{RANGE}}</span></p>
</div>
<dl class="tiles">
<div><dt>Completed</dt><dd><b data-live="done">{{DONE}}</b> <span>of <span data-live="total">{{TOTAL}}</span>{{#GIVEN_UP}}, <span data-live="cancelled">{{CANCELLED}}</span> cancelled{{/GIVEN_UP}}</span></dd></div>
<div><dt>Rate now</dt><dd><b data-live="per_minute_text">{{RATE}}</b> <span>a minute</span></dd></div>
<div><dt>Last 24 hours</dt><dd><b data-live="done_24h">{{DAY}}</b> <span>done</span></dd></div>
<div><dt>Workers</dt><dd><b data-live="workers">{{PRESENT}}</b> <span><span data-live="workers_at_work">{{WORKING}}</span> at work</span></dd></div>
</dl>
</section>
{{/PROGRESS}}
{{#NOTES}}
<section class="card notes" aria-label="What holds it up">
<ul>
{{#NOTE}}
<li dir="auto">{{TEXT}}</li>
{{/NOTE}}
</ul>
</section>
{{/NOTES}}
<section aria-labelledby="pipeline">
<h2 id="pipeline">Pipeline</h2>
<ol class="pipeline{{#LONG}} long{{/LONG}}">
{{#STAGE}}
<li class="card stage s-{{LETTER}}{{#PAUSED}} paused{{/PAUSED}}">
<h3><span class="letter" aria-hidden="true">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi>{{#SLOWEST}} <span class="tag">slowest</span>{{/SLOWEST}}{{#PAUSED}} <span class="tag warn">paused</span>{{/PAUSED}}</h3>
<svg class="segments" data-live-bar="stages.{{INDEX}}.bar" viewBox="0 0 1000 12" preserveAspectRatio="none" role="img" aria-label="{{DONE}} done, {{LEASED}} in hand, {{OPEN}} open, {{FAILED}} failed of {{JOBS}}">
<rect class="seg-none" width="1000" height="12"></rect>
<rect class="seg-done" data-seg x="0" width="{{DONE_W}}" height="12"></rect>
<rect class="seg-leased" data-seg x="{{LEASED_X}}" width="{{LEASED_W}}" height="12"></rect>
<rect class="seg-open" data-seg x="{{OPEN_X}}" width="{{OPEN_W}}" height="12"></rect>
<rect class="seg-failed" data-seg x="{{FAILED_X}}" width="{{FAILED_W}}" height="12"></rect>
</svg>
<dl class="counts">
<div><dt><i class="key seg-open"></i>Open</dt><dd data-live="stages.{{INDEX}}.open">{{OPEN}}</dd></div>
<div><dt><i class="key seg-leased"></i>In hand</dt><dd data-live="stages.{{INDEX}}.in_hand">{{LEASED}}</dd></div>
<div><dt><i class="key seg-done"></i>Done</dt><dd data-live="stages.{{INDEX}}.done">{{DONE}}</dd></div>
<div><dt><i class="key seg-failed"></i>Failed</dt><dd data-live="stages.{{INDEX}}.failed">{{FAILED}}</dd></div>
</dl>
<dl class="counts extra">
<div><dt>Workers</dt><dd data-live="stages.{{INDEX}}.workers">{{PRESENT}}</dd></div>
<div><dt>Last hour</dt><dd data-live="stages.{{INDEX}}.done_1h">{{HOUR}}</dd></div>
{{#FAILING}}<div><dt>Attempts that fail</dt><dd>{{FAILING_RATE}} a minute, {{FAILING_SHARE}}</dd></div>{{/FAILING}}
</dl>
</li>
{{/STAGE}}
</ol>
</section>
{{>CHART}}
{{#BATCHES}}
<section aria-labelledby="batches">
<h2 id="batches">Batches</h2>
<div class="card table">
{{>BATCH_ROWS}}
<p class="pager"><a href="/batches">All batches</a></p>
</div>
</section>
{{/BATCHES}}
{{#LATEST}}
<section aria-labelledby="latest">
<h2 id="latest">Latest completions</h2>
<ul class="card feed">
{{#RESULT}}
<li><span class="letter s-{{LETTER}}" title="{{STAGE}}">{{LETTER_UP}}</span> <a href="/job/{{JOB}}">Job {{JOB_TEXT}}</a> <span class="by">by <a href="/person/{{PERSON:x-part}}"><bdi>{{PERSON}}</bdi></a></span> <span class="dim">in {{TOOK}}</span>{{#AT}} <time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/AT}}</li>
{{/RESULT}}
</ul>
</section>
{{/LATEST}}
<section aria-labelledby="workers">
<h2 id="workers">Workers</h2>
<form class="filter" action="/" method="get" role="search" aria-label="Workers">
<label>Owner <input name="owner" value="{{OWNER}}" maxlength="128" autocomplete="off" dir="auto"></label>
<label>State <select name="state">
<option value="">all</option>
<option value="working"{{#IS_WORKING}} selected{{/IS_WORKING}}>at work</option>
<option value="waiting"{{#IS_WAITING}} selected{{/IS_WAITING}}>waiting</option>
<option value="stale"{{#IS_STALE}} selected{{/IS_STALE}}>stale</option>
</select></label>
<button>Show</button>{{#FILTERED}} <a href="/#workers">Clear</a>{{/FILTERED}}
</form>
{{#GROUP}}
<section class="card table" aria-labelledby="workers-{{LETTER}}">
<h3 id="workers-{{LETTER}}"><span class="letter s-{{LETTER}}" aria-hidden="true">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi> <span class="dim">{{PRESENT}} here</span></h3>
{{#NOBODY}}
<p class="dim">{{#NOBODY_SO_FAR}}None among those who were looked at; there are more.{{/NOBODY_SO_FAR}}{{#NOBODY_MATCHES}}No worker of this stage matches.{{/NOBODY_MATCHES}}{{#NOTHING_LEFT}}Nobody works here, and nothing is left to do.{{/NOTHING_LEFT}}{{#NOBODY_HERE}}Nobody works here now. Start one: <code>distcompute-worker --url {{URL}} --stage {{LETTER}} --nickname "Your name" -- ./process.sh</code>{{/NOBODY_HERE}}</p>
{{/NOBODY}}
{{#TABLE}}
<table>
<thead><tr><th scope="col">Worker</th><th scope="col">Job</th><th scope="col">Progress</th><th scope="col" class="n">Done</th><th scope="col">Owner</th><th scope="col">Last seen</th></tr></thead>
<tbody>
{{#ROW}}
<tr>
<th scope="row"><i class="dot {{STATE}}" role="img" aria-label="{{STATE}}" title="{{STATE}}"></i> <a href="/worker/{{PART:x-part}}/{{WORKER:x-part}}"><bdi>{{WORKER}}</bdi></a></th>
<td class="job">{{#HOLDS}}<a href="/job/{{JOB}}">{{JOB_TEXT}}</a>{{#MORE}} <span class="dim">+{{MORE_JOBS}}</span>{{/MORE}}{{/HOLDS}}{{#HOLDS_NONE}}<span class="dim">waiting</span>{{/HOLDS_NONE}}</td>
<td class="progress" dir="auto">{{PROGRESS_TEXT}}</td>
<td class="n">{{DONE}}</td>
<td><a href="/person/{{PERSON:x-part}}"><bdi>{{PERSON}}</bdi></a></td>
<td>{{#SEEN}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/SEEN}}</td>
</tr>
{{/ROW}}
</tbody>
</table>
{{/TABLE}}
{{#NEXT}}
<p class="pager">{{#ALL_LINK}}<a href="/?all=true#workers-{{LETTER}}">Show more</a> {{/ALL_LINK}}<a href="/?stage={{LETTER}}&amp;after={{KEY:x-part}}{{#KEEP_ALL}}&amp;all=true{{/KEEP_ALL}}{{#KEEP_OWNER}}&amp;owner={{OWNER:x-part}}{{/KEEP_OWNER}}{{#KEEP_STATE}}&amp;state={{WHICH:x-part}}{{/KEEP_STATE}}#workers-{{LETTER}}">Next</a></p>
{{/NEXT}}
</section>
{{/GROUP}}
</section>
<section class="card help" aria-labelledby="help">
<h2 id="help">New here?</h2>
<details><summary>What is a stage?</summary><p>One step of the work. Each job goes through the stages in their order, and a stage gets what the one before made of it. A worker does the jobs of one stage. A job that fails is given to another worker; a job is counted once.</p></details>
<details><summary>What can I do?</summary><p>Let a machine of yours work along. The project tells which program does a job; this runs it, a job after the other:</p><pre><code>distcompute-worker --url {{OWN_URL}} --stage a --nickname "Your name" -- ./process.sh</code></pre><p>What it does is counted for the name that you give, on the <a href="/leaderboard">leaderboard</a>. <a href="/join">Join</a> makes that name yours, and shows the lines for a Python script, too.</p></details>
<details><summary>Why is my machine not here?</summary><p>The longest here come first, and a page shows some of each stage: look for yours by its owner, above. It is here from its first call on, until it says goodbye or is silent for {{IDLE}}; then its jobs go to others. Its own page stays, and says why it left: the worker prints that address when it starts.</p></details>
</section>
{{>FOOT}}
