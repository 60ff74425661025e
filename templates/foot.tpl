{{%AUTOESCAPE context="HTML"}}
</main>
<footer class="bottom">
<p><span id="fresh">Numbers as of <time datetime="{{NOW}}">{{NOW_TEXT}}</time>.</span> All times are UTC.</p>
<p><a href="/badge.svg">Badge</a> <a href="/api/stats.json">These numbers as data</a></p>
</footer>
</body>
</html>
