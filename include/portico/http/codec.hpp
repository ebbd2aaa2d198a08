// The HTTP/1.1 codec without I/O: requests to bytes and back, and bytes to responses.
#pragma once

#include <portico/http/request.hpp>
#include <portico/http/request_parser.hpp>
#include <portico/http/response_parser.hpp>
