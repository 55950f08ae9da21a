#pragma once

#include <grpcpp/grpcpp.h>

#include "cmake/pch/library.h"
