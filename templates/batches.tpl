{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<div class="page-head">
<h1>Batches</h1>
<nav class="tabs" aria-label="Which">
<a href="/batches"{{#AT_OPEN}} aria-current="true"{{/AT_OPEN}}>At work</a>
<a href="/batches?state=ended"{{#AT_ENDED}} aria-current="true"{{/AT_ENDED}}>Over</a>
</nav>
</div>
{{#NOBODY}}
<section class="card empty"><p>{{#NONE_OPEN}}No batch is at work.{{/NONE_OPEN}}{{#NONE_ENDED}}No batch is over.{{/NONE_ENDED}}</p></section>
{{/NOBODY}}
{{#TABLE}}
<section class="card table">
{{>BATCH_ROWS}}
{{#NEXT}}
<p class="pager"><a href="/batches?after={{KEY:x-part}}{{#KEEP_ENDED}}&amp;state=ended{{/KEEP_ENDED}}">Next</a></p>
{{/NEXT}}
</section>
{{/TABLE}}
<p class="dim">A batch is what was loaded at once. Those of higher priority have their turn first, then the older ones.</p>
{{>FOOT}}
