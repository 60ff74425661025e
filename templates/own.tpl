{{%AUTOESCAPE context="HTML"}}
{{>HEAD}}
{{#STRANGER}}<h1>Your page</h1>{{/STRANGER}}
{{#TOP}}
<div class="page-head">
<h1><bdi>{{PERSON}}</bdi></h1>
<p><a href="/person/{{PERSON:x-part}}">What everybody sees of you</a></p>
<form class="side" action="/me" method="post"><input type="hidden" name="form" value="{{FORM}}"><button name="act" value="out">Sign out</button></form>
</div>
{{/TOP}}
{{#SORRY}}<p class="sorry" role="alert" dir="auto" data-once>{{REASON}}</p>{{/SORRY}}
{{#DONE}}<p class="good" role="status" dir="auto">{{WORDS}}</p>{{/DONE}}
{{#ERASED}}
<section class="card" aria-labelledby="gone" data-once>
<h2 id="gone">You are erased</h2>
<p>Your name, keys, addresses and words are gone, and so are your machines. Your results stay, as those of {{WHO}}. Copies of before, in backups and files that were exported, are with who runs the project: ask them.</p>
</section>
{{/ERASED}}
{{#PLAIN}}
<section class="card" aria-labelledby="plain">
<h2 id="plain">By https only</h2>
<p>This page is served by https only, for a key and a session are nothing to send in the clear.{{#ELSEWHERE}} It is at <a href="{{URL}}/me">{{URL}}/me</a>.{{/ELSEWHERE}}</p>
</section>
{{/PLAIN}}
{{#IN}}
<section class="card" aria-labelledby="in">
<h2 id="in">Show your key</h2>
<p>Whose name is their own sees here how their machines are and why one rests, and can rename themselves, make and end keys, take their data out, and be erased. You stay known to this browser for twelve hours.</p>
<form class="join" action="/me" method="post">
<input type="hidden" name="act" value="in">
<label>Key <input name="key" type="password" maxlength="64" required autocomplete="current-password" spellcheck="false"></label>
<button>Show my page</button>
</form>
<p class="dim">None yet? <a href="/join">Take a name</a>, and get one. A lost key: ask who runs the project for another.</p>
</section>
{{/IN}}
{{#KEY_MADE}}
<section class="card" aria-labelledby="made" data-once>
<h2 id="made">Your new key</h2>
<pre><code>{{KEY}}</code></pre>
<p>It is shown this once. Keep it where nobody else reads it. <a href="/me#keys">Back to your page</a></p>
</section>
{{/KEY_MADE}}
{{#OWN}}
<section aria-labelledby="machines">
<h2 id="machines">Machines</h2>
{{#NO_MACHINES}}<p class="card dim">None is here now.</p>{{/NO_MACHINES}}
{{#TABLE}}
<div class="card table"><table>
<thead><tr><th scope="col">Machine</th><th scope="col">Rest</th><th scope="col">Stage</th><th scope="col">Runs</th><th scope="col" class="n">Slots</th><th scope="col" class="n">In hand</th><th scope="col" class="n">Done</th><th scope="col" class="n">Failures</th><th scope="col">Last seen</th></tr></thead>
<tbody>
{{#ROW}}
<tr>
<th scope="row"><i class="dot {{STATE}}" role="img" aria-label="{{STATE}}" title="{{STATE}}"></i> {{#PUBLIC}}<a href="/worker/{{PART:x-part}}/{{WORKER:x-part}}"><bdi>{{WORKER}}</bdi></a>{{/PUBLIC}}{{#HIDDEN}}<bdi>{{WORKER}}</bdi>{{/HIDDEN}}</th>
<td>{{#RESTS}}<form class="row" action="/me" method="post"><input type="hidden" name="form" value="{{FORM}}"><input type="hidden" name="worker" value="{{ID}}"><span>{{WHY}}</span> <button name="act" value="rest" aria-label="I fixed it: {{WORKER}}">I fixed it</button></form>{{/RESTS}}{{#AWAKE}}<span class="dim">none</span>{{/AWAKE}}</td>
<td><span class="letter s-{{LETTER}}">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi></td>
<td><bdi title="{{LABEL}}">{{LABEL}}</bdi></td>
<td class="n">{{SLOTS}}</td>
<td class="n">{{IN_HAND}}</td>
<td class="n">{{DONE}}</td>
<td class="n">{{STRUCK}}</td>
<td>{{#SEEN}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/SEEN}}</td>
</tr>
{{/ROW}}
</tbody></table></div>
{{/TABLE}}
{{#NEXT}}<p class="pager"><a rel="next" href="/me?after={{AFTER:x-part}}#machines">Next</a></p>{{/NEXT}}
{{#LEFT}}
<h3>Machines that left lately</h3>
<div class="card table"><table>
<thead><tr><th scope="col">Machine</th><th scope="col">How</th><th scope="col">Stage</th><th scope="col">Ran</th><th scope="col" class="n">Done</th><th scope="col" class="n">Failures</th><th scope="col">When</th></tr></thead>
<tbody>
{{#ROW}}
<tr>
<th scope="row">{{#PUBLIC}}<a href="/worker/{{PART:x-part}}/{{WORKER:x-part}}"><bdi>{{WORKER}}</bdi></a>{{/PUBLIC}}{{#HIDDEN}}<bdi>{{WORKER}}</bdi>{{/HIDDEN}}</th>
<td>{{WHY}}</td>
<td><span class="letter s-{{LETTER}}">{{LETTER_UP}}</span> <bdi>{{NAME}}</bdi></td>
<td><bdi title="{{LABEL}}">{{LABEL}}</bdi></td>
<td class="n">{{DONE}}</td>
<td class="n">{{STRUCK}}</td>
<td>{{#AT}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/AT}}</td>
</tr>
{{/ROW}}
</tbody></table></div>
{{/LEFT}}
{{#FAILURES}}
<h3>What came back lately</h3>
<div class="card table"><table>
<thead><tr><th scope="col">Job</th><th scope="col">Machine</th><th scope="col">How</th><th scope="col">Reason</th><th scope="col">When</th></tr></thead>
<tbody>
{{#FAILURE}}
<tr><th scope="row"><a href="/job/{{JOB}}">{{JOB_TEXT}}</a></th><td><bdi>{{WORKER}}</bdi></td><td>{{KIND}}</td><td class="reason" dir="auto">{{REASON}}</td><td>{{#AT}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/AT}}</td></tr>
{{/FAILURE}}
</tbody></table></div>
{{/FAILURES}}
<form class="card row" action="/me" method="post">
<input type="hidden" name="form" value="{{FORM}}">
{{#SHOWN}}<span>Everybody sees your machines: their names, what they do and how often they fail.</span> <button name="act" value="hide">Hide my machines</button>{{/SHOWN}}
{{#UNSEEN}}<span>Nobody but you and who runs the project sees your machines.</span> <button name="act" value="show">Show my machines</button>{{/UNSEEN}}
</form>
</section>
<section aria-labelledby="keys">
<h2 id="keys">Keys</h2>
<div class="card table"><table>
<thead><tr><th scope="col">Key</th><th scope="col">Made</th><th scope="col">Last used</th><th scope="col">End it</th></tr></thead>
<tbody>
{{#KEY_ROW}}
<tr><th scope="row"><bdi>{{LABEL}}</bdi>{{#THIS}} <span class="tag">shown here</span>{{/THIS}}</th>
<td>{{#MADE}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/MADE}}</td>
<td>{{#USED}}<time datetime="{{ISO}}" title="{{ISO}}" data-ago>{{AGO}}</time>{{/USED}}{{#UNUSED}}<span class="dim">never</span>{{/UNUSED}}</td>
<td><form class="row" action="/me" method="post"><input type="hidden" name="form" value="{{FORM}}"><input type="hidden" name="key" value="{{ID}}">{{#LAST}}<label><input type="checkbox" name="sure" value="yes" required> I know: it is my last one, and only who runs the project can give me another</label> {{/LAST}}<button name="act" value="revoke" aria-label="Revoke {{LABEL}}">Revoke</button></form></td></tr>
{{/KEY_ROW}}
</tbody></table></div>
<form class="card row" action="/me" method="post">
<input type="hidden" name="form" value="{{FORM}}">
<label>Where it is for <input name="label" maxlength="64" autocomplete="off" dir="auto"></label> <button name="act" value="key">Make another key</button>
</form>
</section>
<section class="card" aria-labelledby="name">
<h2 id="name">Another name</h2>
<p>The old one stays yours: scripts that say it go on, and count for you.</p>
<form class="join" action="/me" method="post">
<input type="hidden" name="form" value="{{FORM}}">
<label>New name <input name="nickname" maxlength="128" required autocomplete="nickname" dir="auto"></label>
<button name="act" value="rename">Rename me</button>
</form>
</section>
<section class="card" aria-labelledby="data">
<h2 id="data">Take my data out</h2>
<p>Who you are, your keys' labels, your days, your machines with what they said and where they came from, what came back and why. Results themselves are the project's.</p>
<form class="join" action="/me" method="post">
<input type="hidden" name="form" value="{{FORM}}">
<details><summary>It goes on in another file</summary>
<label>What the file before says as "next" <input name="part" maxlength="40" autocomplete="off" spellcheck="false" pattern="[0-9]+-[0-9]+"></label>
</details>
<button name="act" value="data">Download as JSON</button>
</form>
</section>
<section class="card" aria-labelledby="erase">
<h2 id="erase">Erase me</h2>
<p>Your name, keys, addresses and all words that you sent go, and your machines are sent away. Your results stay, without a name. Nobody can take it back.</p>
<p>What others wrote of you stays: the reason of a failure, a note, what a machine of theirs is said to run. Whoever runs the project can erase your name there, too, if you ask them instead.</p>
<form class="join" action="/me" method="post">
<input type="hidden" name="form" value="{{FORM}}">
<label>Your name <input name="name" maxlength="128" required autocomplete="off" dir="auto"></label>
<label>Your name once more <input name="again" maxlength="128" required autocomplete="off" dir="auto"></label>
<button name="act" value="erase" class="grave">Erase me for good</button>
</form>
</section>
{{/OWN}}
{{>FOOT}}
