{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Labels of every object: the recommended ones. usage: include "barevip.labels" (list $ "operator") */}}
{{- define "barevip.labels" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
app.kubernetes.io/name: barevip-{{ $component }}
{{ include "barevip.commonLabels" $root }}
app.kubernetes.io/component: {{ $component }}
{{- end }}

{{/* Labels of an object that belongs to no single program. */}}
{{- define "barevip.commonLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: barevip
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{/*
Labels of pods: what selects them, which never changes, and nothing that changes by release or version.
So a release that takes over a kustomize install finds equal pod templates and restarts no pod.
*/}}
{{- define "barevip.podLabels" -}}
{{- $own := dict "app.kubernetes.io/name" (printf "barevip-%s" .component) "app.kubernetes.io/part-of" "barevip" -}}
{{- toYaml (merge $own (.values.podLabels | default dict)) -}}
{{- end }}

{{/* The image of a program: a digest before a tag, the tag of this version without both. */}}
{{- define "barevip.image" -}}
{{- $image := .values.image -}}
{{- $global := (.root.Values.global | default dict).imageRegistry -}}
{{- $registry := coalesce $image.registry $global .root.Values.imageRegistry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end }}

{{/* Fields of a pod that both programs read from values of the same names. */}}
{{- define "barevip.podFields" -}}
{{- $values := .values -}}
terminationGracePeriodSeconds: {{ int64 $values.terminationGracePeriodSeconds }}
{{- with concat (.root.Values.imagePullSecrets | default list) ((.root.Values.global | default dict).imagePullSecrets | default list) }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
nodeSelector:
{{- toYaml (merge (dict "kubernetes.io/os" "linux") ($values.nodeSelector | default dict)) | nindent 2 }}
{{- with $values.affinity }}
affinity:
{{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The host of HOST:PORT, an IPv6 one without its brackets. */}}
{{- define "barevip.hostOf" -}}
{{- regexReplaceAll ":[0-9]+$" . "" | trimPrefix "[" | trimSuffix "]" -}}
{{- end }}

{{/* The port of HOST:PORT. */}}
{{- define "barevip.portOf" -}}
{{- regexFind "[0-9]+$" . -}}
{{- end }}

{{/* "true" if the status page is served on an address that others than kubectl port-forward reach, else empty. */}}
{{- define "barevip.statusIsOpen" -}}
{{- if and . (not (has (include "barevip.hostOf" .) (list "127.0.0.1" "localhost" "::1"))) }}true{{ end -}}
{{- end }}

{{/* What the node daemon listens on: the variable METRICS_HOST for the host "node", in the brackets that an IPv6 address needs. */}}
{{- define "barevip.nodeMetricsAddress" -}}
{{- if eq (include "barevip.hostOf" .) "node" -}}[$(METRICS_HOST)]:{{ include "barevip.portOf" . }}{{- else }}{{ . }}{{ end -}}
{{- end }}

{{/* Security context of a pod of the operator's image: what Pod Security calls restricted. */}}
{{- define "barevip.operatorSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "barevip.operatorContainerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
