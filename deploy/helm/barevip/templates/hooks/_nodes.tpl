{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
Names of the nodes that can run the check now and would get a daemon, as a JSON list: Linux, node.nodeSelector, Ready, not
cordoned, and every taint tolerated by node.tolerations. It is empty without a cluster (helm template), and fails if the
cluster has nodes and none qualifies. node.affinity is the scheduler's to evaluate, not this template's.
*/}}
{{- define "barevip.checkNodes" -}}
{{- $values := .Values.node -}}
{{- $nodes := (lookup "v1" "Node" "" "").items | default list -}}
{{- $selected := list -}}
{{- $ready := list -}}
{{- $chosen := list -}}
{{- $refusing := list -}}
{{- range $nodes -}}
{{- if include "barevip.isSelected" (dict "labels" (.metadata.labels | default dict) "selector" $values.nodeSelector) -}}
{{- $selected = append $selected .metadata.name -}}
{{- if include "barevip.isReady" . -}}
{{- $ready = append $ready .metadata.name -}}
{{- $taints := include "barevip.refusingTaints" (dict "taints" .spec.taints "tolerations" $values.tolerations) | fromJsonArray -}}
{{- $refusing = concat $refusing $taints -}}
{{- if not $taints }}{{ $chosen = append $chosen .metadata.name }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $nodes (not $selected) -}}
{{- if $values.nodeSelector -}}
{{- fail (printf "node.nodeSelector is %s, but no Linux node of this cluster has these labels. Label a node, or change node.nodeSelector" (toJson $values.nodeSelector)) -}}
{{- end -}}
{{- fail "no node of this cluster runs Linux, as the node daemon requires. Add a Linux node" -}}
{{- else if and $selected (not $ready) -}}
{{- fail "each node that node.nodeSelector selects is cordoned or not Ready, so the check cannot run there. Make one Ready and uncordon it, or write check.enabled: false" -}}
{{- else if and $ready (not $chosen) -}}
{{- fail (printf "node.tolerations admits no node: the Ready nodes that node.nodeSelector selects have the taints %s. Tolerate one of them in node.tolerations, or remove it from a node" (uniq $refusing | join ", ")) -}}
{{- end -}}
{{- toJson $chosen -}}
{{- end }}

{{/* Not empty if a node runs Linux and has the labels of the selector. An absent label is not an empty one. */}}
{{- define "barevip.isSelected" -}}
{{- $labels := .labels -}}
{{- $fits := eq (get $labels "kubernetes.io/os" | default "linux") "linux" -}}
{{- range $key, $value := .selector -}}
{{- if not (hasKey $labels $key) }}{{ $fits = false }}{{ else if ne (get $labels $key) $value }}{{ $fits = false }}{{ end -}}
{{- end -}}
{{- if $fits }}true{{ end -}}
{{- end }}

{{/* Not empty if a node is Ready and not cordoned. */}}
{{- define "barevip.isReady" -}}
{{- $ready := false -}}
{{- range (.status | default dict).conditions -}}
{{- if and (eq .type "Ready") (eq .status "True") }}{{ $ready = true }}{{ end -}}
{{- end -}}
{{- if and $ready (not .spec.unschedulable) }}true{{ end -}}
{{- end }}

{{/* The taints that keep a pod with these tolerations off the node, as a JSON list of KEY=VALUE:EFFECT. */}}
{{- define "barevip.refusingTaints" -}}
{{- $tolerations := .tolerations -}}
{{- $refusing := list -}}
{{- range $taint := .taints -}}
{{- if ne $taint.effect "PreferNoSchedule" -}}
{{- $tolerated := false -}}
{{- range $tolerations -}}
{{- if include "barevip.tolerates" (dict "toleration" . "taint" $taint) }}{{ $tolerated = true }}{{ end -}}
{{- end -}}
{{- if not $tolerated -}}
{{- $value := ternary (printf "=%s" $taint.value) "" (not (empty $taint.value)) -}}
{{- $refusing = append $refusing (printf "%s%s:%s" $taint.key $value $taint.effect) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $refusing -}}
{{- end }}

{{/* Not empty if the toleration tolerates the taint, by the rule of Kubernetes: an empty key or effect matches every one. */}}
{{- define "barevip.tolerates" -}}
{{- $toleration := .toleration -}}
{{- $taint := .taint -}}
{{- $operator := $toleration.operator | default "Equal" -}}
{{- $given := $toleration.value | default "" -}}
{{- $has := $taint.value | default "" -}}
{{- $effect := or (empty $toleration.effect) (eq ($toleration.effect | default "") $taint.effect) -}}
{{- $key := or (empty $toleration.key) (eq ($toleration.key | default "") $taint.key) -}}
{{- $value := eq $operator "Exists" -}}
{{- if eq $operator "Equal" }}{{ $value = eq $given $has }}{{ end -}}
{{- if and (regexMatch "^-?[0-9]+$" $has) (regexMatch "^-?[0-9]+$" $given) -}}
{{- if eq $operator "Gt" }}{{ $value = gt (int64 $has) (int64 $given) }}{{ end -}}
{{- if eq $operator "Lt" }}{{ $value = lt (int64 $has) (int64 $given) }}{{ end -}}
{{- end -}}
{{- if and $effect $key $value }}true{{ end -}}
{{- end }}
