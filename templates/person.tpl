{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<div class="page-head">
<h1><bdi>{{PERSON}}</bdi></h1>
{{#RANKED}}<p class="tag">rank {{RANK}}</p>{{/RANKED}}
</div>
<section class="card facts" aria-label="Facts">
<dl class="tiles">
<div><dt>Jobs</dt><dd><b>{{JOBS}}</b>{{#SHARED}} <span>{{SHARE}} of all</span>{{/SHARED}}</dd></div>
<div><dt>Last 24 hours</dt><dd><b>{{DAY}}</b></dd></div>
<div><dt>Today</dt><dd><b>{{TODAY}}</b></dd></div>
<div><dt>7 days</dt><dd><b>{{WEEK}}</b></dd></div>
<div><dt>Machines here</dt><dd><b>{{MACHINES}}</b></dd></div>
<div><dt>Results sent back</dt><dd><b>{{SENT_BACK}}</b>{{#SOME_KEPT}} <span>{{KEPT}} count all the same</span>{{/SOME_KEPT}}</dd></div>
<div><dt>First seen</dt><dd>{{#FIRST}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/FIRST}}</dd></div>
{{#STAGE}}<div><dt><span class="letter s-{{LETTER}}">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi></dt><dd><b>{{DONE}}</b></dd></div>{{/STAGE}}
</dl>
</section>
<section class="card chart" aria-labelledby="days">
<h2 id="days">Last 30 days</h2>
<div class="plot">
<div class="axis-y" aria-hidden="true"><span>{{Y_TOP}}</span><span>{{Y_MID}}</span><span>0</span></div>
<svg viewBox="0 0 600 160" preserveAspectRatio="none" role="img" aria-label="{{CHART_LABEL}}">
<path class="grid" d="M0 .5H600M0 80H600M0 159.5H600"></path>
<path class="bar" d="{{PATH}}"></path>
</svg>
<div class="axis-x" aria-hidden="true">{{#X_TICK}}<span>{{X_TEXT}}</span>{{/X_TICK}}</div>
</div>
</section>
<section aria-labelledby="machines">
<h2 id="machines">Machines</h2>
{{#HIDES_MACHINES}}<p class="card dim">They are not shown.</p>{{/HIDES_MACHINES}}
{{#NO_MACHINES}}<p class="card dim">None is here now.</p>{{/NO_MACHINES}}
{{#TABLE}}
<div class="card table"><table>
<thead><tr><th scope="col">Worker</th><th scope="col">Stage</th><th scope="col">Job</th><th scope="col" class="n">Done</th><th scope="col" class="n">Failures</th><th scope="col">Last seen</th></tr></thead>
<tbody>
{{#ROW}}
<tr>
<th scope="row"><i class="dot {{STATE}}" role="img" aria-label="{{STATE}}" title="{{STATE}}"></i> <a href="/worker/{{PART:x-part}}/{{WORKER:x-part}}"><bdi>{{WORKER}}</bdi></a></th>
<td><span class="letter s-{{LETTER}}">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi></td>
<td>{{#HOLDS}}<a href="/job/{{JOB}}">{{JOB_TEXT}}</a>{{/HOLDS}}{{#HOLDS_NONE}}<span class="dim">waiting</span>{{/HOLDS_NONE}}</td>
<td class="n">{{DONE}}</td>
<td class="n">{{STRUCK}}</td>
<td>{{#SEEN}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/SEEN}}</td>
</tr>
{{/ROW}}
</tbody></table></div>
{{/TABLE}}
{{#NEXT}}<p class="pager"><a rel="next" href="/person/{{PERSON:x-part}}?after={{KEY:x-part}}#machines">Next</a></p>{{/NEXT}}
</section>
{{#REFUSED}}
<section aria-labelledby="refused">
<h2 id="refused">Results that were sent back</h2>
<div class="card table"><table>
<thead><tr><th scope="col">Job</th><th scope="col">Stage</th><th scope="col">Worker</th><th scope="col">Reason</th><th scope="col">When</th></tr></thead>
<tbody>
{{#REFUSED_ROW}}
<tr><th scope="row"><a href="/job/{{JOB}}">{{JOB_TEXT}}</a></th><td><bdi>{{NAME}}</bdi></td><td><bdi>{{WORKER}}</bdi></td><td class="reason" dir="auto">{{REASON}}</td><td>{{#AT}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/AT}}</td></tr>
{{/REFUSED_ROW}}
</tbody></table></div>
</section>
{{/REFUSED}}
{{#SOMEBODYS}}<p class="dim">This is you? With your key <a href="/me">your page</a> shows why a machine rests, and is where you rename, hide or erase yourself. No key yet: <a href="/join">take the name</a>.</p>{{/SOMEBODYS}}
<section class="card badge" aria-labelledby="badge">
<h2 id="badge">A badge for your own site</h2>
<p><img src="/badge/{{PERSON:x-part}}.svg" alt="Badge of {{PERSON}}: {{JOBS_TEXT}}" height="20"></p>
<p>For a page, and for Markdown:</p>
<pre><code>&lt;a href="{{URL}}/person/{{PERSON:x-part}}"&gt;&lt;img src="{{URL}}/badge/{{PERSON:x-part}}.svg" alt="Jobs done"&gt;&lt;/a&gt;</code></pre>
<pre><code>[![Jobs done]({{URL}}/badge/{{PERSON:x-part}}.svg)]({{URL}}/person/{{PERSON:x-part}})</code></pre>
</section>
{{>FOOT}}
