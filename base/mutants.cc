#include "base/mutants.h"

#ifdef HOLDFAST_MUTANTS
#include <cstdlib>

namespace holdfast {
namespace {

Mutant FromEnvironment() {
  const char* const number = std::getenv("HOLDFAST_MUTANT");
  return number == nullptr ? Mutant::kNone : static_cast<Mutant>(std::atoi(number));
}

Mutant g_planted = FromEnvironment();

}  // namespace

bool MutantActive(Mutant mutant) { return g_planted == mutant; }

void PlantMutant(Mutant mutant) { g_planted = mutant; }

}  // namespace holdfast
#endif
