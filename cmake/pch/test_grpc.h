#pragma once

#include "cmake/pch/library_grpc.h"
#include "cmake/pch/test.h"
