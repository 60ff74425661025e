{{%AUTOESCAPE context="HTML"}}
<section class="card chart" aria-labelledby="pace">
<div class="chart-head">
<h2 id="pace">Completions a minute</h2>
<nav class="tabs" aria-label="Time of the chart">
{{#RANGE_TAB}}
<a href="{{ADDRESS}}?range={{RANGE_KEY:x-part}}#pace"{{#RANGE_AT}} aria-current="true"{{/RANGE_AT}}>{{RANGE_NAME}}</a>
{{/RANGE_TAB}}
</nav>
</div>
<div class="plot">
<div class="axis-y" aria-hidden="true"><span>{{Y_TOP}}</span><span>{{Y_MID}}</span><span>0</span></div>
<svg viewBox="0 0 {{CHART_W}} 160" preserveAspectRatio="none" role="img" aria-label="{{CHART_LABEL}}">
<path class="grid" d="M0 .5H{{CHART_W}}M0 80H{{CHART_W}}M0 159.5H{{CHART_W}}"></path>
{{#BARS}}
<path class="bar s-{{LETTER}}" d="{{PATH}}"></path>
{{/BARS}}
</svg>
<div class="axis-x" aria-hidden="true">{{#X_TICK}}<time datetime="{{X_ISO}}" data-tick>{{X_TEXT}}</time>{{/X_TICK}}</div>
</div>
<p class="legend">{{#LEGEND}}<span><i class="key s-{{LETTER}}"></i><bdi>{{NAME}}</bdi></span>{{/LEGEND}}</p>
</section>
