/* The rules of docs/format.md section 4 that tie operations, planes and symbols together. Part of vc_model_load. */
#ifndef VC_MODEL_CHECK_H
#define VC_MODEL_CHECK_H

#include "vc_model.h"

/* Checks a parsed model and fills in m->reach. Returns 0 or a VC_EM_... code. */
int vc_model_check(vc_model *m);

#endif
