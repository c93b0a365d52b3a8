#ifndef RPC_ENGINE_CNGHTTP2_SHIM_H
#define RPC_ENGINE_CNGHTTP2_SHIM_H

#include <nghttp2/nghttp2.h>

#endif
