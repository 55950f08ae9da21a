#include "storage/snapshot_chunks.h"

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "storage/snapshot_archive.h"
#include "storage/snapshot_assembler.h"

namespace holdfast::storage {
namespace {

constexpr char kSource[] = "/d/copy.db";
constexpr char kTarget[] = "/d/incoming.db";
constexpr size_t kFileBytes = 5 * kSnapshotChunkBytes + 12'345;

bool Never() { return false; }
bool GoOn(int64_t, int64_t) { return true; }

class SnapshotChunksTest : public testing::Test {
 protected:
  SnapshotChunksTest() {
    EXPECT_TRUE(files_.MakeDirectories("/d").ok());
    const auto random = SeededRandom(5);
    for (size_t i = 0; i < kFileBytes / 8 + 1; ++i)
      absl::StrAppend(&bytes_, absl::Hex(random->Next64() % 4096, absl::kZeroPad8));
    bytes_.resize(kFileBytes);
    EXPECT_TRUE(files_.WriteNewFile(kSource, bytes_).ok());
    SnapshotFile file;
    file.path = kSource;
    file.position = {Revision(2, 77), ChainHash{}};
    file.position.chain_hash.bytes[3] = 9;
    file.visible = file.position;
    file.key_count = 3;
    file.file_bytes = kFileBytes;
    file.schema_version = 1;
    auto manifest = MakeSnapshotManifest(&files_, file, Never);
    EXPECT_TRUE(manifest.ok()) << manifest.status();
    manifest_ = *manifest;
    manifest_.set_snapshot_id("s1");
  }

  v1::SnapshotChunk Chunk(uint32_t number) {
    auto chunk = ReadSnapshotChunk(&files_, kSource, manifest_, number);
    EXPECT_TRUE(chunk.ok()) << chunk.status();
    return *chunk;
  }

  std::unique_ptr<SnapshotAssembler> Open() {
    auto assembler = SnapshotAssembler::Open(&files_, kTarget, manifest_);
    EXPECT_TRUE(assembler.ok()) << assembler.status();
    return *std::move(assembler);
  }

  static void ExpectAltered(const absl::Status& status, uint32_t chunk) {
    EXPECT_EQ(ReasonOf(status), "SNAPSHOT_ALTERED") << status;
    EXPECT_EQ(DetailOf(status, "snapshot_id"), "s1");
    EXPECT_EQ(DetailOf(status, "chunk"), absl::StrCat(chunk));
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  std::string bytes_;
  v1::SnapshotManifest manifest_;
};

TEST_F(SnapshotChunksTest, ChunksInOrderGiveTheFileBack) {
  auto assembler = Open();
  for (uint32_t i = 0; i < 6; ++i) {
    EXPECT_EQ(assembler->next_chunk(), i);
    const auto chunk = Chunk(i);
    EXPECT_LT(chunk.data().size(), kSnapshotChunkBytes / 2);
    ASSERT_TRUE(assembler->Add(chunk).ok());
  }
  ASSERT_TRUE(assembler->is_complete());
  ASSERT_TRUE(assembler->Finish().ok());
  EXPECT_TRUE(*files_.ReadFile(kTarget, 1 << 30) == bytes_);
  EXPECT_EQ(files_.List("/d")->size(), 2u);
  const auto random = SeededRandom(1);
  disk_.Crash(CrashMode::kLoseUnsynced, *random);
  EXPECT_TRUE(*files_.ReadFile(kTarget, 1 << 30) == bytes_);
}

TEST_F(SnapshotChunksTest, GoesOnAfterARestartFromWhatIsThere) {
  {
    auto assembler = Open();
    for (uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(assembler->Add(Chunk(i)).ok());
  }
  const auto unfinished = SnapshotAssembler::Unfinished(&files_, kTarget);
  ASSERT_TRUE(unfinished.ok() && unfinished->has_value());
  EXPECT_EQ((*unfinished)->snapshot_id(), "s1");
  auto assembler = Open();
  EXPECT_EQ(assembler->next_chunk(), 4u);
  for (uint32_t i = 4; i < 6; ++i) ASSERT_TRUE(assembler->Add(Chunk(i)).ok());
  ASSERT_TRUE(assembler->Finish().ok());
  EXPECT_TRUE(*files_.ReadFile(kTarget, 1 << 30) == bytes_);
}

TEST_F(SnapshotChunksTest, GoesOnAfterAPowerCutFromTheChunksThatSurvived) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    {
      auto assembler = Open();
      for (uint32_t i = assembler->next_chunk(); i < 5; ++i) ASSERT_TRUE(assembler->Add(Chunk(i)).ok());
    }
    const auto random = SeededRandom(seed);
    disk_.Crash(CrashMode::kTearUnsynced, *random);
    auto assembler = Open();
    for (uint32_t i = assembler->next_chunk(); i < 6; ++i) ASSERT_TRUE(assembler->Add(Chunk(i)).ok());
    ASSERT_TRUE(assembler->Finish().ok());
    EXPECT_TRUE(*files_.ReadFile(kTarget, 1 << 30) == bytes_);
    ASSERT_TRUE(files_.Remove(kTarget).ok());
  }
}

TEST_F(SnapshotChunksTest, ADamagedChunkOnDiskIsFetchedAgain) {
  {
    auto assembler = Open();
    for (uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(assembler->Add(Chunk(i)).ok());
  }
  disk_.FlipBit(absl::StrCat(kTarget, ".partial"), 2 * kSnapshotChunkBytes + 5, 1);
  EXPECT_EQ(Open()->next_chunk(), 2u);
}

TEST_F(SnapshotChunksTest, AnotherSnapshotBeginsAnew) {
  {
    auto assembler = Open();
    ASSERT_TRUE(assembler->Add(Chunk(0)).ok());
  }
  v1::SnapshotManifest other = manifest_;
  other.clear_chunk_digests();
  other.set_file_bytes(0);
  const auto empty = Sha256("");
  other.set_digest(std::string(reinterpret_cast<const char*>(empty.data()), empty.size()));
  auto assembler = SnapshotAssembler::Open(&files_, kTarget, other);
  ASSERT_TRUE(assembler.ok()) << assembler.status();
  EXPECT_EQ((*assembler)->next_chunk(), 0u);
  ASSERT_TRUE((*assembler)->Finish().ok());
  EXPECT_EQ(*files_.Size(kTarget), 0);
}

TEST_F(SnapshotChunksTest, AnAlteredChunkIsNamedAndTheRightOneStillFits) {
  auto assembler = Open();
  ASSERT_TRUE(assembler->Add(Chunk(0)).ok());
  const v1::SnapshotChunk good = Chunk(1);
  for (size_t byte = 0; byte < good.data().size(); byte += 4099) {
    v1::SnapshotChunk bad = good;
    (*bad.mutable_data())[byte] ^= 0x10;
    const absl::Status added = assembler->Add(bad);
    if (!added.ok()) ExpectAltered(added, 1);  // zstd ignores some bits of its header
    ASSERT_FALSE(added.ok()) << byte;
  }
  ExpectAltered(assembler->Add(Chunk(2)), 2);  // out of order
  EXPECT_TRUE(assembler->Add(good).ok());
}

TEST_F(SnapshotChunksTest, AChunkThatUnpacksToMoreThanItMayIsRefused) {
  const std::string bomb(64 << 20, '\0');
  v1::SnapshotChunk chunk;
  chunk.mutable_data()->resize(ZSTD_compressBound(bomb.size()));
  chunk.mutable_data()->resize(
      ZSTD_compress(chunk.mutable_data()->data(), chunk.data().size(), bomb.data(), bomb.size(), 1));
  ASSERT_LT(chunk.data().size(), 100'000u);
  ExpectAltered(Open()->Add(chunk), 0);
}

TEST_F(SnapshotChunksTest, AManifestThatContradictsItselfIsRefused) {
  const auto refused = [&](auto change) {
    v1::SnapshotManifest manifest = manifest_;
    change(manifest);
    const absl::Status status = CheckSnapshotManifest(manifest);
    return ReasonOf(status) == "SNAPSHOT_ALTERED" && DetailOf(status, "snapshot_id") == "s1";
  };
  ASSERT_TRUE(CheckSnapshotManifest(manifest_).ok());
  EXPECT_TRUE(refused([](auto& m) { m.set_chunk_bytes(0); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_chunk_bytes(1u << 31); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_file_bytes(m.file_bytes() + (1 << 20)); }));
  EXPECT_TRUE(refused([](auto& m) { m.set_file_bytes(~uint64_t{0}); }));
  EXPECT_TRUE(refused([](auto& m) { (*m.mutable_chunk_digests(2))[0] ^= 1; }));
  EXPECT_TRUE(refused([](auto& m) { m.mutable_chunk_digests(2)->pop_back(); }));
  EXPECT_TRUE(refused([](auto& m) { m.mutable_digest()->clear(); }));
  EXPECT_TRUE(refused([](auto& m) { m.mutable_position()->set_revision(0); }));
  EXPECT_TRUE(refused([](auto& m) { m.mutable_state_digest()->clear(); }));
}

TEST_F(SnapshotChunksTest, ASourceThatChangedIsNotSent) {
  disk_.FlipBit(kSource, 3 * kSnapshotChunkBytes, 0);
  EXPECT_TRUE(IsDamaged(ReadSnapshotChunk(&files_, kSource, manifest_, 3).status()));
}

TEST_F(SnapshotChunksTest, AFullDiskIsSaidAndTheAssemblyGoesOnLater) {
  {
    auto assembler = Open();
    disk_.LimitRoom(2 * kSnapshotChunkBytes + 1000);
    ASSERT_TRUE(assembler->Add(Chunk(0)).ok());
    ASSERT_TRUE(assembler->Add(Chunk(1)).ok());
    EXPECT_TRUE(IsDiskFull(assembler->Add(Chunk(2))));
  }
  disk_.LiftLimit();
  EXPECT_EQ(Open()->next_chunk(), 2u);
}

class SnapshotArchiveTest : public SnapshotChunksTest {
 protected:
  SnapshotArchiveTest() {
    *header_.mutable_manifest() = manifest_;
    header_.set_node_id("dc2-a");
    auto writer = SnapshotArchiveWriter::Create(&files_, kArchive, header_);
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (uint32_t i = 0; i < 6; ++i) EXPECT_TRUE((*writer)->Add(Chunk(i)).ok());
    EXPECT_TRUE((*writer)->Finish().ok());
  }

  static constexpr char kArchive[] = "/d/backup.hfsnap";
  v1::SnapshotArchiveHeader header_;
};

TEST_F(SnapshotArchiveTest, GivesTheDatabaseBack) {
  const auto header = UnpackSnapshotArchive(&files_, kArchive, kTarget, GoOn);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->node_id(), "dc2-a");
  EXPECT_TRUE(*files_.ReadFile(kTarget, 1 << 30) == bytes_);
}

TEST_F(SnapshotArchiveTest, DamageAnywhereLeavesNoTarget) {
  const int64_t size = *files_.Size(kArchive);
  for (int64_t byte = 3; byte < size; byte += size / 60) {
    disk_.FlipBit(kArchive, byte, 2);
    const absl::Status status = UnpackSnapshotArchive(&files_, kArchive, kTarget, GoOn).status();
    EXPECT_FALSE(status.ok()) << byte;
    EXPECT_EQ(files_.List("/d")->size(), 2u) << "something was left";
    disk_.FlipBit(kArchive, byte, 2);
  }
}

TEST_F(SnapshotArchiveTest, HoldsCommittedRecordsOnly) {
  v1::SnapshotManifest& manifest = *header_.mutable_manifest();
  *manifest.mutable_visible() = manifest.position();
  manifest.mutable_visible()->set_revision(manifest.position().revision() - 1);
  constexpr char kOther[] = "/d/tail.hfsnap";
  EXPECT_EQ(ReasonOf(SnapshotArchiveWriter::Create(&files_, kOther, header_).status()), "SNAPSHOT_ALTERED");
  // One that another program wrote is not restored.
  auto writer = FramedFileWriter::Create(&files_, kOther, "HFSNAPSH");
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Add(1, header_.SerializeAsString()).ok());
  ASSERT_TRUE((*writer)->Finish().ok());
  EXPECT_EQ(ReasonOf(UnpackSnapshotArchive(&files_, kOther, kTarget, GoOn).status()), "SNAPSHOT_ALTERED");
}

TEST_F(SnapshotArchiveTest, NeverReplacesAFile) {
  EXPECT_EQ(SnapshotArchiveWriter::Create(&files_, kArchive, header_).status().code(),
            absl::StatusCode::kAlreadyExists);
}

TEST_F(SnapshotArchiveTest, UnpackingCanBeStopped) {
  const auto stop = [](int64_t done, int64_t) { return done < 2; };
  EXPECT_EQ(UnpackSnapshotArchive(&files_, kArchive, kTarget, stop).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace holdfast::storage
