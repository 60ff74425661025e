{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<div class="page-head">
<h1>Leaderboard</h1>
<nav class="tabs" aria-label="Period">
{{#PERIOD_TAB}}
<a href="/leaderboard?period={{PERIOD_KEY:x-part}}"{{#PERIOD_AT}} aria-current="true"{{/PERIOD_AT}}>{{PERIOD_NAME}}</a>
{{/PERIOD_TAB}}
</nav>
</div>
<form class="filter" action="/leaderboard" method="get" role="search" aria-label="People">
<label>Name begins with <input type="search" name="q" value="{{SEARCH}}" maxlength="128" autocomplete="off" dir="auto"></label>
<button>Search</button>{{#SEARCHED}} <a href="/leaderboard">Clear</a>{{/SEARCHED}}
</form>
{{#NOBODY}}
<section class="card empty">
{{#NOBODY_FOUND}}
<h2>Nobody’s name begins so</h2>
<p>Names are compared from their first letter on, whatever the case.</p>
{{/NOBODY_FOUND}}
{{#NOBODY_YET}}
<h2>Nobody is here yet</h2>
<p>The first finished job puts its owner on this board. Be the first:</p>
<pre><code>distcompute-worker --url {{URL}} --stage a --nickname "Your name" -- ./process.sh</code></pre>
{{/NOBODY_YET}}
</section>
{{/NOBODY}}
{{#TABLE}}
<section class="card table">
<table class="board">
<caption class="sr">{{CAPTION}}</caption>
<thead><tr>{{#HEAD_RANK}}<th scope="col" class="n">Rank</th>{{/HEAD_RANK}}<th scope="col">Name</th><th scope="col" class="n">Jobs</th><th scope="col" class="n">Share</th><th scope="col" class="n">Jobs in 24 h</th><th scope="col">14 days</th><th scope="col">Last seen</th></tr></thead>
<tbody>
{{#ROW}}
<tr>
{{#HAS_RANK}}<td class="n rank{{#MEDAL}} medal-{{MEDAL_N}}{{/MEDAL}}">{{RANK}}</td>{{/HAS_RANK}}
<th scope="row"><a href="/person/{{PERSON:x-part}}"><bdi>{{PERSON}}</bdi></a></th>
<td class="n"><b>{{JOBS}}</b></td>
<td class="n">{{SHARE}}</td>
<td class="n">{{DAY}}</td>
<td><svg class="spark" viewBox="0 0 84 20" aria-hidden="true"><path d="{{SPARK}}"></path></svg></td>
<td>{{#LAST}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/LAST}}</td>
</tr>
{{/ROW}}
</tbody>
</table>
</section>
{{/TABLE}}
<p class="pager">{{#BACK}}<a href="/leaderboard?period={{PERIOD:x-part}}">First page</a> {{/BACK}}{{#NEXT}}<a rel="next" href="/leaderboard?period={{PERIOD:x-part}}&amp;after={{KEY:x-part}}{{#KEEP_SEARCH}}&amp;q={{SEARCH:x-part}}&amp;from={{FROM:x-part}}{{/KEEP_SEARCH}}">Next</a>{{/NEXT}}</p>
{{>FOOT}}
