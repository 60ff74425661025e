{{%AUTOESCAPE context="HTML"}}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{TITLE}}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="description" content="{{DESCRIPTION}}">
<meta name="color-scheme" content="light dark">
<meta property="og:type" content="website">
<meta property="og:title" content="{{TITLE}}">
<meta property="og:description" content="{{DESCRIPTION}}">
<meta property="og:site_name" content="{{PROJECT}}">
{{#CANONICAL}}
<meta property="og:url" content="{{URL}}">
<link rel="canonical" href="{{URL}}">
{{/CANONICAL}}
<link rel="alternate" type="application/json" title="These numbers as data" href="/api/stats.json">
<link rel="icon" type="image/svg+xml" href="/static/icon.svg?v={{VERSION}}">
<link rel="stylesheet" href="/static/tracker.css?v={{VERSION}}">
<script src="/static/live.js?v={{VERSION}}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/"><img src="/static/icon.svg?v={{VERSION}}" width="28" height="28" alt=""><bdi>{{PROJECT}}</bdi></a>
<nav aria-label="Pages">
<a href="/"{{#AT_DASHBOARD}} aria-current="page"{{/AT_DASHBOARD}}>Dashboard</a>
<a href="/leaderboard"{{#AT_BOARD}} aria-current="page"{{/AT_BOARD}}>Leaderboard</a>
<a href="/join"{{#AT_JOIN}} aria-current="page"{{/AT_JOIN}}>Join</a>
</nav>
</header>
{{#BANNER}}
<aside class="banner" aria-label="Notice" dir="auto">{{#PIECE}}{{#PIECE_TEXT}}{{TEXT}}{{/PIECE_TEXT}}{{#PIECE_LINK}}<a href="{{TEXT}}" rel="nofollow noopener noreferrer">{{TEXT}}</a>{{/PIECE_LINK}}{{/PIECE}}</aside>
{{/BANNER}}
<main id="main" tabindex="-1">
