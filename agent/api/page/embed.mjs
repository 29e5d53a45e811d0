// node embed.mjs DIST OUT: writes the files of the page as the agent carries them: OUT/page.bin has all of them, compressed, one after the
// other, and OUT/page_embedded.c the table of them. The same files give the same bytes.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
  ".webmanifest": "application/manifest+json",
};
// The index is every path of the page, the others are their own.
const PLACES = /^(index\.html|icon\.svg|manifest\.webmanifest|assets\/[A-Za-z0-9_.-]+)$/;
const HASHED = /^assets\/.*-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;

const [, , dist, out] = process.argv;
const names = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(dist, path.join(entry.parentPath ?? entry.path, entry.name)));

function embed(name) {
  const type = TYPES[path.extname(name)];
  if (type === undefined || !PLACES.test(name)) {
    throw new Error(`${name}: the agent has no path for such a file, see agent/api/routes.c`);
  }
  const content = readFileSync(path.join(dist, name));
  const bytes = gzipSync(content, { level: 9 });
  bytes.fill(0, 4, 8); // no time
  bytes[9] = 255; // no operating system
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const request = name === "index.html" ? "/" : `/${name}`;
  return { request, type, bytes, inflated: content.length, hash, immutable: HASHED.test(name) };
}

// The agent looks a path up by halves: their order is that of the bytes.
const files = names.map(embed).sort((a, b) => (a.request < b.request ? -1 : 1));
if (!files.some((file) => file.request === "/")) {
  throw new Error(`${dist} has no index.html`);
}
let offset = 0;
for (const file of files) {
  file.offset = offset;
  offset += file.bytes.length;
}

const rows = files.map((file) =>
  `    {.path = "${file.request}",
     .content_type = "${file.type}",
     .bytes = page_bytes + ${file.offset},
     .size = ${file.bytes.length},
     .inflated = ${file.inflated},
     .hash = "${file.hash}",
     .immutable = ${file.immutable}},
`);

// The bytes are no array in C, which would take a compiler minutes.
const source = `/* Made by agent/api/page/embed.mjs. */
#include "page_internal.h"

__asm__(".pushsection .rodata\\n"
        ".balign 16\\n"
        ".global page_bytes\\n"
        ".hidden page_bytes\\n"
        "page_bytes:\\n"
        ".incbin \\"" PAGE_BIN "\\"\\n"
        ".popsection\\n");
extern const unsigned char page_bytes[];

static const struct page_file list[] = {
${rows.join("")}};

const struct page_files page_embedded = {list, ${files.length}};
`;

mkdirSync(out, { recursive: true });
writeFileSync(path.join(out, "page.bin"), Buffer.concat(files.map((file) => file.bytes)));
writeFileSync(path.join(out, "page_embedded.c"), source);
