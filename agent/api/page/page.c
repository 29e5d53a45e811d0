/* The page: an index at each of its paths, and the files that it loads, without a name: it asks for one itself. */
#include "outrider/api/page/page.h"

#include "outrider/api/common/context.h"
#include "outrider/api/common/etag.h"
#include "outrider/api/common/handlers.h"
#include "outrider/api/common/reply.h"
#include "outrider/base/blob.h"
#include "outrider/base/mem.h"
#include "outrider/core/config/config.h"
#include "page_internal.h"

#include <stdio.h>
#include <stdlib.h>

struct api_page {
    const struct page_files *files;
    struct blob **
        whole; /* of each file its content once a client has asked for it that takes no gzip; it is inflated no second time */
};

/* What the index may do: load scripts, styles and icons of this agent and ask it, nothing of others, and run nothing that stands in a text. */
static const struct str page_policy =
    STR_INIT("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
             "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
             "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'");

struct api_page *page_new(const struct page_files *files)
{
    if (files->count == 0) {
        return NULL;
    }
    struct api_page *page = mem_zalloc(sizeof(*page));
    page->files = files;
    page->whole = mem_zalloc(files->count * sizeof(struct blob *));
    return page;
}

struct api_page *api_page_new(void)
{
    return page_new(&page_embedded);
}

void api_page_free(struct api_page *page)
{
    for (size_t i = 0; page != NULL && i < page->files->count; i++) {
        blob_unref(page->whole[i]);
    }
    if (page != NULL) {
        free(page->whole);
        free(page);
    }
}

/* Whether this agent shows the page: it has one, and follows the fleet all the time. One that did so while a page is open would be another
 * watcher of the registry for each page at each server. */
static bool need_page(struct api_call *call, struct api_reply *reply)
{
    const struct config *config = call->context->config;
    bool follows = config->view.mode == CONFIG_VIEW_ALWAYS ||
                   (config->view.mode == CONFIG_VIEW_AUTO && !config->server.present);
    if (!follows) {
        api_refuse(
            reply, 404, "no_page",
            "the page is not here, as this agent does not follow the fleet: open that of an observer, at its "
            "http.listen or http.public_url");
    } else if (call->context->page == NULL) {
        api_refuse(
            reply, 404, "no_page",
            "this agent is built without the page: build it where Node 18.18 or later and npm are, with "
            "-DOUTRIDER_DASHBOARD=ON");
    } else {
        return true;
    }
    return false;
}

/* The content of the file as it is; NULL: its bytes are damaged. */
static struct blob *whole_of(struct api_page *page, const struct page_file *file)
{
    struct blob **whole = &page->whole[file - page->files->list];
    struct buf content = {0};
    if (*whole == NULL && page_inflate(file, &content) == 0) {
        *whole = blob_take(&content);
    }
    buf_fini(&content);
    return blob_ref(*whole);
}

static void send_file(struct api_call *call, struct api_reply *reply, const struct page_file *file)
{
    bool packed = call->request.gzip;
    reply->status = 200;
    reply->content_type = file->content_type;
    /* On a 304, too: a browser lets its headers replace those that it has kept. */
    reply->content_policy = str_eq(str_of(file->path), STR("/")) ? page_policy : (struct str){NULL, 0};
    reply->cache = file->immutable ? "public, max-age=31536000, immutable" : "no-cache";
    reply->varies = true;
    snprintf(reply->etag, sizeof(reply->etag), "\"%.32s%s\"", file->hash, packed ? "-gzip" : "");
    if (api_not_modified(call, reply)) {
        return;
    }
    if (packed) {
        reply->fixed = (struct str){(const char *)file->bytes, file->size};
        reply->encoding = "gzip";
        return;
    }
    reply->blob = whole_of(call->context->page, file);
    if (reply->blob == NULL) {
        *reply = (struct api_reply){0};
        api_refuse(reply, 500, "damaged", "this agent's copy of the file is damaged: install it again");
    }
}

static void send_path(struct api_call *call, struct api_reply *reply, struct str path)
{
    if (!need_page(call, reply)) {
        return;
    }
    const struct page_file *file = page_find(call->context->page->files, path);
    if (file == NULL) {
        api_refuse(reply, 404, "not_found", "the page has no such file: %.*s",
                   path.size < 128 ? (int)path.size : 128, path.data);
        return;
    }
    send_file(call, reply, file);
}

void api_page(struct api_call *call, struct api_reply *reply)
{
    send_path(call, reply, STR("/"));
}

void api_page_file(struct api_call *call, struct api_reply *reply)
{
    send_path(call, reply, call->request.path);
}
