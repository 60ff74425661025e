{{%AUTOESCAPE context="HTML"}}
<table class="batches">
<thead><tr><th scope="col">Batch</th><th scope="col">Progress</th><th scope="col" class="n">Jobs</th><th scope="col" class="n">A minute</th><th scope="col">{{#OPEN}}Time left{{/OPEN}}{{#OVER}}Over since{{/OVER}}</th><th scope="col" class="n">Failed</th></tr></thead>
<tbody>
{{#ROW}}
<tr>
<th scope="row"><a href="/batch/{{NAME:x-part}}"><bdi>{{NAME}}</bdi></a>{{#PRIORITY}} <span class="tag" title="Priority">{{PRIORITY_NUMBER}}</span>{{/PRIORITY}}</th>
<td class="share">{{#FAR}}<progress max="100" value="{{PERCENT_VALUE}}" aria-label="Work that is done">{{PERCENT}}</progress> <span>{{PERCENT}}</span> {{/FAR}}{{#WHY}}<span class="why" dir="auto">{{REASON}}</span>{{/WHY}}</td>
<td class="n">{{JOBS}}</td>
<td class="n">{{RATE}}</td>
<td>{{ETA}}{{#ENDED}} <time class="dim" datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/ENDED}}</td>
<td class="n">{{FAILED}}</td>
</tr>
{{/ROW}}
</tbody>
</table>
