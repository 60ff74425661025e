{{%AUTOESCAPE context="HTML"}}
</main>
<footer class="bottom">
<p><span id="fresh">Numbers as of <time datetime="{{NOW}}">{{NOW_TEXT}}</time>.</span> <span id="zone">All times are UTC.</span></p>
<p><a href="/badge.svg">Badge</a> <a href="/api/stats.json">These numbers as data</a></p>
</footer>
</body>
</html>
