{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<div class="page-head"><h1>Job {{JOB_TEXT}}</h1><p class="tag">{{SUMMARY}}</p></div>
{{#OF_BATCH}}
<p class="dim">Of the batch <a href="/batch/{{BATCH:x-part}}"><bdi>{{BATCH}}</bdi></a></p>
{{/OF_BATCH}}
<ol class="life">
{{#STAGE}}
<li class="card life-{{STATE}}">
<h2><span class="letter s-{{LETTER}}" aria-hidden="true">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi> <span class="tag state-{{STATE}}">{{STATE_TEXT}}</span></h2>
<dl class="tiles">
{{#BY}}<div><dt>Worker</dt><dd><a href="/worker/{{PART:x-part}}/{{WORKER:x-part}}"><bdi>{{WORKER}}</bdi></a></dd></div>{{/BY}}
{{#OWNER}}<div><dt>Owner</dt><dd><a href="/person/{{PERSON:x-part}}"><bdi>{{PERSON}}</bdi></a></dd></div>{{/OWNER}}
{{#ATTEMPTS}}<div><dt>Attempt</dt><dd>{{ATTEMPT}}</dd></div>{{/ATTEMPTS}}
{{#STARTED}}<div><dt>Started</dt><dd><time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time></dd></div>{{/STARTED}}
{{#FINISHED}}<div><dt>{{FINISHED_NAME}}</dt><dd><time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time></dd></div>{{/FINISHED}}
{{#TOOK}}<div><dt>Took</dt><dd>{{TOOK_TEXT}}</dd></div>{{/TOOK}}
{{#DUE}}<div><dt>Next try</dt><dd>{{DUE_TEXT}}</dd></div>{{/DUE}}
{{#INPUT_SIZE}}<div><dt>Input</dt><dd>{{SIZE}}</dd></div>{{/INPUT_SIZE}}
{{#OUTPUT_SIZE}}<div><dt>Output</dt><dd>{{SIZE}}</dd></div>{{/OUTPUT_SIZE}}
</dl>
{{#WHY}}<p class="reason" dir="auto">{{REASON}}</p>{{/WHY}}
{{#INPUT}}<details><summary>Input</summary><pre dir="auto">{{DATA}}</pre></details>{{/INPUT}}
{{#OUTPUT}}<details><summary>Output</summary><pre dir="auto">{{DATA}}</pre></details>{{/OUTPUT}}
</li>
{{/STAGE}}
</ol>
{{#EVENTS}}
<section aria-labelledby="events">
<h2 id="events">What went wrong on the way</h2>
<div class="card table"><table>
<thead><tr><th scope="col">Stage</th><th scope="col">What</th><th scope="col">Worker</th><th scope="col">Reason</th><th scope="col">When</th></tr></thead>
<tbody>
{{#EVENT}}
<tr><td><bdi>{{NAME}}</bdi></td><td>{{KIND}}</td><td>{{#BY}}<a href="/worker/{{PART:x-part}}/{{WORKER:x-part}}"><bdi>{{WORKER}}</bdi></a>{{/BY}}</td><td class="reason" dir="auto">{{REASON}}</td><td>{{#AT}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/AT}}</td></tr>
{{/EVENT}}
</tbody></table></div>
</section>
{{/EVENTS}}
{{>FOOT}}
