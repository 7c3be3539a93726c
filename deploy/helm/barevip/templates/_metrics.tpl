{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* What both programs need to serve their metrics by TLS to those who may read them. */}}

{{/* The files of a Secret, by its name. */}}
{{- define "barevip.metricsCertificate" -}}
{{- if . }}/etc/barevip/metrics/tls.crt{{ end -}}
{{- end }}

{{- define "barevip.metricsKey" -}}
{{- if . }}/etc/barevip/metrics/tls.key{{ end -}}
{{- end }}

{{- define "barevip.metricsVolume" -}}
- {name: metrics, secret: {secretName: {{ .Values.metrics.certificateSecret }}}}
{{- end }}

{{- define "barevip.metricsMount" -}}
- {name: metrics, mountPath: /etc/barevip/metrics, readOnly: true}
{{- end }}

{{/* The end of an httpGet on the address of the metrics; the kubelet checks no certificate. */}}
{{- define "barevip.probeScheme" -}}
{{- if .Values.metrics.secure }}, scheme: HTTPS{{ end -}}
{{- end }}

{{/* Rules of both ClusterRoles. */}}
{{- define "barevip.metricsRules" -}}
# Whose a bearer token is, and whether that account may get the metrics.
- {apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}
- {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
{{- end }}
