{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "barevip.monitoringNamespace" -}}
{{- .Values.monitoring.namespace | default .Release.Namespace -}}
{{- end }}

{{/*
Labels of what the Prometheus operator and Grafana look for; those of values win.
usage: include "barevip.monitoringLabels" (dict "root" $ "component" "node")
*/}}
{{- define "barevip.monitoringLabels" -}}
{{- $own := include "barevip.labels" (list .root .component) | fromYaml -}}
{{- toYaml (mergeOverwrite $own (deepCopy (.root.Values.monitoring.labels | default dict))) -}}
{{- end }}
