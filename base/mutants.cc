#include "base/mutants.h"

#ifdef HOLDFAST_MUTANTS
namespace holdfast {
namespace {

Mutant g_planted = Mutant::kNone;

}  // namespace

bool MutantActive(Mutant mutant) { return g_planted == mutant; }

void PlantMutant(Mutant mutant) { g_planted = mutant; }

}  // namespace holdfast
#endif
