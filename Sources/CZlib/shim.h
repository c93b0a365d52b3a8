#ifndef RPC_ENGINE_CZLIB_SHIM_H
#define RPC_ENGINE_CZLIB_SHIM_H

#include <zlib.h>

/* inflateInit2 and deflateInit2 are macros that Swift cannot see. 15 window bits + 16 = gzip framing only. */
static inline int engine_gzip_inflate_init(z_stream *stream) { return inflateInit2(stream, 15 + 16); }

static inline int engine_gzip_deflate_init(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

#endif
