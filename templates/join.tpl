{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
<h1>Join <bdi>{{PROJECT}}</bdi></h1>
{{#ABOUT}}
<section class="card about" aria-label="What it is"><p dir="auto">{{#PIECE}}{{#PIECE_TEXT}}{{TEXT}}{{/PIECE_TEXT}}{{#PIECE_LINK}}<a href="{{TEXT}}" rel="nofollow noopener noreferrer">{{TEXT}}</a>{{/PIECE_LINK}}{{/PIECE}}</p></section>
{{/ABOUT}}
{{#STAGES}}
<section aria-labelledby="stages">
<h2 id="stages">Where help is wanted</h2>
<ul class="card feed">
{{#STAGE}}
<li><span class="letter s-{{LETTER}}" aria-hidden="true">{{LETTER_UP}}</span> <b><bdi>{{NAME}}</bdi></b>{{#WANTED}} <span class="tag">most wanted</span>{{/WANTED}}{{#PAUSED}} <span class="tag warn">paused</span>{{/PAUSED}} <span class="dim">{{WAITING}}, {{PRESENT}} here</span></li>
{{/STAGE}}
</ul>
</section>
{{/STAGES}}
{{#FORM}}
<section class="card" aria-labelledby="take">
<h2 id="take">A name of your own</h2>
{{#SORRY}}
<p class="sorry" role="alert" dir="auto">{{REASON}}</p>
{{/SORRY}}
<p>What your machines do is counted for your name. Take one, and you get a key: nobody works under it, or under one that looks like it, without the key. Name and work are public.</p>
<p>You have one? <a href="/me">Your page</a> shows what is yours.</p>
<form class="join" action="/join" method="post">
<label>Name <input name="nickname" value="{{TYPED}}" maxlength="128" required autocomplete="nickname" dir="auto"></label>
{{#INVITED}}<label>Invitation <input name="invite" maxlength="64" required autocomplete="off" spellcheck="false"></label>{{/INVITED}}
<details{{#PROVE}} open{{/PROVE}}><summary>I work under this name already</summary>
<label>Token of a worker of yours that is at work now <input name="token" maxlength="64" autocomplete="off" spellcheck="false"></label>
</details>
<button>Take the name</button>
</form>
</section>
{{/FORM}}
{{#LINES}}
<section class="card" aria-labelledby="key" data-once>
<h2 id="key">Your key</h2>
<pre><code>{{KEY}}</code></pre>
<p>It is shown this once. Keep it where nobody else reads it; who loses it asks who runs the project for another one. With it <a href="/me">your page</a> shows how your machines are, and is where you make and end keys, rename and erase yourself.</p>
</section>
<section class="card" aria-labelledby="start">
<h2 id="start">Start a machine</h2>
<p>The project tells which program does a job: put it beside you as <code>process.sh</code>. These are for stage {{LETTER_UP}}; one of them is enough.</p>
<h3>distcompute-worker</h3>
<p>Runs any program, a job after the other. It is a Debian package of the tracker's, or built from its source; who runs the project gives it to you.</p>
<pre><code>export DISTCOMPUTE_KEY={{KEY}}
distcompute-worker --url {{URL}} --stage {{LETTER}} --nickname {{NAME_QUOTED}} -- ./process.sh</code></pre>
<h3>A Python script with distcompute-client</h3>
<p>The key goes into the address that it is given:</p>
<pre><code>url      = {{URL_WITH_KEY}}
stage    = "{{LETTER}}"
nickname = {{NAME_PYTHON}}</code></pre>
<h3>curl</h3>
<pre><code>curl -H "Authorization: Bearer {{KEY}}" "{{URL}}/api/new?stage={{LETTER}}&amp;nickname={{NAME_ENCODED}}"</code></pre>
</section>
{{/LINES}}
{{>FOOT}}
