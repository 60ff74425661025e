{{%AUTOESCAPE context="XML"}}
<svg xmlns="http://www.w3.org/2000/svg" width="{{WIDTH}}" height="20" role="img" aria-label="{{LABEL}}: {{TEXT}}">
<title>{{LABEL}}: {{TEXT}}</title>
<rect width="{{WIDTH}}" height="20" rx="4" fill="#24292f"/>
<path d="M{{SPLIT}} 0H{{EDGE}}a4 4 0 0 1 4 4V16a4 4 0 0 1-4 4H{{SPLIT}}z" fill="{{COLOR}}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{{LABEL_X}}" y="14" textLength="{{LABEL_W}}" lengthAdjust="spacingAndGlyphs">{{LABEL}}</text>
<text x="{{TEXT_X}}" y="14" textLength="{{TEXT_W}}" lengthAdjust="spacingAndGlyphs">{{TEXT}}</text>
</g>
</svg>
