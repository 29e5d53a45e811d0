/* What the numbers of HTTP mean. */
#ifndef OUTRIDER_IO_HTTP_HTTP_STATUS_H
#define OUTRIDER_IO_HTTP_HTTP_STATUS_H

/* The reason phrase of a status: "Not Found"; "" for one without. */
const char *http_status_reason(int status);

#endif
