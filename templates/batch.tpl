{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<div class="page-head"><h1><bdi>{{BATCH}}</bdi></h1><p class="tag{{#HELD}} warn{{/HELD}}">{{STATE}}</p></div>
{{#WHY}}
<section class="card notes" aria-label="What holds it up"><p dir="auto">{{REASON}}</p></section>
{{/WHY}}
<section class="card hero" aria-label="Progress">
<div class="hero-main">
{{#FAR}}<p class="percent"><b>{{PERCENT}}</b> <span>complete</span></p>
<progress max="100" value="{{PERCENT_VALUE}}" aria-label="Work that is done">{{PERCENT}}</progress>{{/FAR}}
{{#LEFT}}<p class="eta"><span class="label">ETA</span> <b>{{ETA}}</b> <span class="dim">{{RANGE}}</span></p>{{/LEFT}}
</div>
<dl class="tiles">
<div><dt>Completed</dt><dd><b>{{DONE}}</b> <span>of {{TOTAL}}</span></dd></div>
<div><dt>Rate now</dt><dd><b>{{RATE}}</b> <span>a minute</span></dd></div>
<div><dt>Jobs</dt><dd><b>{{JOBS}}</b> <span><a href="/job/{{FIRST}}">{{FIRST_TEXT}}</a> to <a href="/job/{{LAST}}">{{LAST_TEXT}}</a></span></dd></div>
<div><dt>Failed</dt><dd><b>{{FAILED}}</b></dd></div>
{{#GIVEN_UP}}<div><dt>Cancelled</dt><dd><b>{{CANCELLED}}</b></dd></div>{{/GIVEN_UP}}
<div><dt>Priority</dt><dd>{{PRIORITY}}</dd></div>
{{#LOADED}}<div><dt>Loaded</dt><dd><time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time></dd></div>{{/LOADED}}
{{#ENDED}}<div><dt>Over since</dt><dd><time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time></dd></div>{{/ENDED}}
{{#NEEDING}}<div><dt>Needs</dt><dd>{{NEEDS}}</dd></div>{{/NEEDING}}
{{#LIMITED}}<div><dt>At most</dt><dd><b>{{LIMIT}}</b> <span>a minute</span></dd></div>{{/LIMITED}}
{{#NOTED}}<div class="wide"><dt>Note</dt><dd dir="auto">{{NOTE}}</dd></div>{{/NOTED}}
</dl>
</section>
<section aria-labelledby="stages">
<h2 id="stages">Stage by stage</h2>
<div class="card table" role="region" aria-labelledby="stages" tabindex="0"><table>
<thead><tr><th scope="col">Stage</th><th scope="col" class="n">Open</th><th scope="col" class="n">In hand</th><th scope="col" class="n">Done</th><th scope="col" class="n">Failed</th></tr></thead>
<tbody>
{{#STAGE}}
<tr><th scope="row"><span class="letter s-{{LETTER}}" aria-hidden="true">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi></th><td class="n">{{OPEN}}</td><td class="n">{{LEASED}}</td><td class="n">{{DONE}}</td><td class="n">{{FAILED}}</td></tr>
{{/STAGE}}
</tbody></table></div>
</section>
{{>CHART}}
<p><a href="/batches">All batches</a></p>
{{>FOOT}}
