{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<div class="page-head">
<h1><i class="dot {{STATE}}"></i> <bdi>{{WORKER}}</bdi></h1>
<p class="tag state-{{STATE}}">{{STATE_TEXT}}</p>
</div>
<section class="card facts" aria-label="Facts">
<dl class="tiles">
<div><dt>Stage</dt><dd><span class="letter s-{{LETTER}}">{{LETTER_UP}}</span> <bdi>{{STAGE}}</bdi></dd></div>
<div><dt>Owner</dt><dd><a href="/person/{{PERSON:x-part}}"><bdi>{{PERSON}}</bdi></a></dd></div>
<div><dt>First seen</dt><dd>{{#FIRST}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/FIRST}}</dd></div>
<div><dt>Last seen</dt><dd>{{#LAST}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/LAST}}</dd></div>
<div><dt>Total jobs</dt><dd><b>{{DONE}}</b>{{#SENT_BACK}} <span>{{JOBS_BACK}} sent back</span>{{/SENT_BACK}}</dd></div>
<div><dt>Jobs an hour</dt><dd>{{#RATED}}<b>{{RATE}}</b>{{/RATED}}{{#TOO_EARLY}}<span>too early to tell</span>{{/TOO_EARLY}}{{#PEERS}} <span>{{PEERS_TEXT}}</span>{{/PEERS}}</dd></div>
<div><dt>Failures</dt><dd><b>{{STRUCK}}</b></dd></div>
<div class="wide"><dt>Progress</dt><dd class="progress" dir="auto">{{PROGRESS_TEXT}}</dd></div>
</dl>
{{#REST}}<p class="dim">{{REST_TEXT}}</p>{{/REST}}
{{#COMPARE}}
<div class="compare"><span class="dim">This worker</span><progress max="{{COMPARE_MAX}}" value="{{COMPARE_OWN}}" aria-label="Jobs an hour of this worker">{{COMPARE_OWN}}</progress><span class="dim">Median of the stage</span><progress class="others" max="{{COMPARE_MAX}}" value="{{COMPARE_PEERS}}" aria-label="Median of the stage">{{COMPARE_PEERS}}</progress></div>
{{/COMPARE}}
</section>
<section aria-labelledby="jobs">
<h2 id="jobs">Jobs in hand</h2>
{{#NO_JOBS}}<p class="card dim">None: {{NO_JOBS_WHY}}</p>{{/NO_JOBS}}
{{#JOBS}}
<div class="card table"><table>
<thead><tr><th scope="col">Job</th><th scope="col" class="n">Attempt</th><th scope="col">Since</th></tr></thead>
<tbody>
{{#JOB_ROW}}
<tr><th scope="row"><a href="/job/{{JOB}}">{{JOB_TEXT}}</a></th><td class="n">{{ATTEMPT}}</td><td>{{#SINCE}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/SINCE}}</td></tr>
{{/JOB_ROW}}
</tbody></table></div>
{{/JOBS}}
</section>
{{#RECENT}}
<section aria-labelledby="recent">
<h2 id="recent">Recent jobs</h2>
<div class="card table"><table>
<thead><tr><th scope="col">Job</th><th scope="col" class="n">Attempt</th><th scope="col" class="n">Took</th><th scope="col">Finished</th></tr></thead>
<tbody>
{{#RECENT_ROW}}
<tr><th scope="row"><a href="/job/{{JOB}}">{{JOB_TEXT}}</a></th><td class="n">{{ATTEMPT}}</td><td class="n">{{TOOK}}</td><td>{{#FINISHED}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/FINISHED}}</td></tr>
{{/RECENT_ROW}}
</tbody></table></div>
</section>
{{/RECENT}}
{{#STRIKES}}
<section aria-labelledby="strikes">
<h2 id="strikes">Came back</h2>
<p class="dim">Is it yours? With your key <a href="/me">your page</a> tells what it said.</p>
<div class="card table"><table>
<thead><tr><th scope="col">Job</th><th scope="col">How</th><th scope="col">Reason</th><th scope="col">When</th></tr></thead>
<tbody>
{{#STRIKE}}
<tr><th scope="row"><a href="/job/{{JOB}}">{{JOB_TEXT}}</a></th><td>{{KIND}}</td><td class="reason" dir="auto">{{REASON}}</td><td>{{#AT}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/AT}}</td></tr>
{{/STRIKE}}
</tbody></table></div>
</section>
{{/STRIKES}}
{{>FOOT}}
