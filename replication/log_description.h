#pragma once

#include <vector>

#include "holdfast/v1/record.pb.h"
#include "holdfast/v1/replication.pb.h"
#include "storage/store.h"

namespace holdfast::replication {

// Says which epochs this log has, the newest kMaxDescribedEpochs of them, and what its newest commit is, if
// that is among its last few records: what a candidate needs to tell branches apart (R20), and a person to
// choose between them. `unsettled`: those of the inventory. A few point reads; strand.
inline constexpr int kMaxDescribedEpochs = 64;
void DescribeLog(storage::Store& store, const std::vector<v1::UnsettledEpoch>& unsettled,
                 v1::PromiseResponse* out);

}  // namespace holdfast::replication
