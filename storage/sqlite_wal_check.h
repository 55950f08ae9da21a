#pragma once

#include <string>

struct sqlite3;
struct sqlite3_vfs;

namespace holdfast::storage {

// Looks through the WAL that a file was left with, before SQLite recovers from it. SQLite takes the frames up
// to the first that does not match its checksum and forgets the rest without a word: right for the torn end
// that a power cut leaves, wrong for a bit that changed in the middle. Worse, where a checkpoint had copied
// later frames already, the older ones would then hide newer pages.
//
// Damage is what no power cut explains: a frame that does not match although transactions after its own are
// there and match (a transaction is written only when the one before it is synced), or a header that matches
// nothing. A frame of the very last transaction may be torn or damaged, nobody can tell: the store compares
// its end with what node.db remembers.
//
// Returns a SQLite code; *finding is empty if nothing is wrong. Before the first statement on `db`, while no
// other connection writes.
int CheckWal(sqlite3* db, sqlite3_vfs* vfs, std::string* finding);

}  // namespace holdfast::storage
