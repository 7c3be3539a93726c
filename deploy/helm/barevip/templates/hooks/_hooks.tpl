{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/*
Not empty if hooks are rendered. Without a cluster nothing runs them, and `kubectl apply` would create them as plain
objects, the Job that uninstalls barevip among them. Every cluster has the namespace kube-system.
*/}}
{{- define "barevip.hooksEnabled" -}}
{{- if eq .Values.hooks "always" -}}
true
{{- else if eq .Values.hooks "auto" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}true{{ end -}}
{{- end -}}
{{- end }}

{{/*
Metadata of a hook's object; with `program`, those of a pod that get the labels and annotations of that program's pods, too.
usage: include "barevip.hook" (dict "root" $ "name" "uninstall" "on" "pre-delete" "output" "hook-failed")
*/}}
{{- define "barevip.hook" -}}
{{- $program := .program | default dict -}}
{{- $annotations := dict "helm.sh/hook" .on "helm.sh/hook-weight" (.weight | default "0") -}}
{{- $_ := set $annotations "helm.sh/hook-delete-policy" (.delete | default "before-hook-creation,hook-succeeded,hook-failed") -}}
{{- with .output }}{{ $_ := set $annotations "helm.sh/hook-output-log-policy" . }}{{ end -}}
{{- $labels := include "barevip.labels" (list .root .name) | fromYaml -}}
name: barevip-{{ .name }}
{{- if not .cluster }}
namespace: {{ .root.Release.Namespace }}
{{- end }}
labels:
  {{- merge $labels ($program.podLabels | default dict) | toYaml | nindent 2 }}
annotations:
  {{- merge $annotations ($program.podAnnotations | default dict) | toYaml | nindent 2 }}
{{- end }}

{{/* Metadata of the pods of a hook's Job. usage: include "barevip.hookPodMetadata" (dict "name" "check" "values" $node) */}}
{{- define "barevip.hookPodMetadata" -}}
labels:
  {{- include "barevip.podLabels" (dict "component" .name "values" .values) | nindent 2 }}
{{- with .values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The account of a hook and its rights, which exist only while the hook runs.
usage: include "barevip.hookRights" (dict "root" $ "name" "uninstall" "on" "pre-delete" "clusterRules" RULES "rules" RULES)
*/}}
{{- define "barevip.hookRights" -}}
{{- $subject := printf "{kind: ServiceAccount, name: barevip-%s, namespace: %s}" .name .root.Release.Namespace -}}
{{- $here := merge (dict "weight" "-1") . -}}
{{- $everywhere := merge (dict "weight" "-1" "cluster" true) . -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "barevip.hook" $here | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "barevip.hook" $everywhere | nindent 2 }}
rules:
{{ trim .clusterRules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "barevip.hook" $everywhere | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: barevip-{{ .name }}}
subjects:
- {{ $subject }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "barevip.hook" $here | nindent 2 }}
rules:
{{ trim .rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "barevip.hook" $here | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: barevip-{{ .name }}}
subjects:
- {{ $subject }}
{{- end }}

{{/* The pod of a hook that runs a command of the operator's image, once. usage: dict "root" $ "name" "uninstall" "args" (list ...) */}}
{{- define "barevip.operatorHookPod" -}}
{{- $operator := .root.Values.operator -}}
serviceAccountName: barevip-{{ .name }}
restartPolicy: Never
{{ include "barevip.podFields" (dict "root" .root "values" $operator) }}
{{ include "barevip.operatorSecurity" . }}
containers:
- name: {{ .name }}
  image: {{ include "barevip.image" (dict "root" .root "values" $operator) }}
  imagePullPolicy: {{ $operator.image.pullPolicy }}
  args: {{ toJson .args }}
  env:
  - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
  - {name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}
  - {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
  {{- with $operator.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $operator.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "barevip.operatorContainerSecurity" . | nindent 4 }}
{{- end }}
