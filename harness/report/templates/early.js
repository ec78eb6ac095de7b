"use strict";
// Until the views are chosen from, the page shows its first at most: a full run is too much to lay out at once.
document.documentElement.className = location.hash.length > 1 ? "waiting elsewhere" : "waiting";
