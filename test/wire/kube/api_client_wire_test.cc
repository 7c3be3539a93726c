// SPDX-License-Identifier: Apache-2.0
#include "common/kube/api_client.h"
