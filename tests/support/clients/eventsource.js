// Follows a stream with the eventsource client of npm, as a page or a Node service would: node eventsource.js URL prints
// one JSON object a line for each event: {"event","id","data"}; {"event":"open"} and {"event":"error"} are the client's own.
"use strict";
const { pathToFileURL } = require("url");

const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");

(async () => {
    const module = await import(pathToFileURL(require.resolve("eventsource")));
    const source = new (module.EventSource || module.default)(process.argv[2]);
    for (const event of ["init", "synced", "update", "remove"])
        source.addEventListener(event, (heard) => say({ event, id: heard.lastEventId, data: JSON.parse(heard.data) }));
    source.onopen = () => say({ event: "open" });
    source.onerror = (error) => say({ event: "error", message: error.message });
})();
