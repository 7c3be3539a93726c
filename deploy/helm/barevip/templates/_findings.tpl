{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* What in the cluster keeps barevip from working, one paragraph each. It finds nothing without a cluster (helm template). */}}
{{- define "barevip.findings" -}}
{{- $namespace := .Release.Namespace -}}
{{- if not (include "barevip.hasPools" .) }}
* No Pool exists, so no Service gets an address: see step 1 above.
{{ end -}}
{{- $admits := or .Release.IsUpgrade (include "barevip.podSecurityLevel" .) -}}
{{- if and (lookup "v1" "Namespace" "" $namespace) (not $admits) }}
* The namespace {{ $namespace }} has no Pod Security label. If your cluster enforces "baseline" or "restricted" by default, the
  API server refuses the pods of the node daemon. Allow them:
  kubectl label namespace {{ $namespace }} pod-security.kubernetes.io/enforce=privileged
{{ end -}}
{{- with .Values.metrics.certificateSecret -}}
{{- if and (lookup "v1" "Namespace" "" $namespace) (not (lookup "v1" "Secret" $namespace .)) }}
* The Secret {{ . }} of metrics.certificateSecret does not exist, and no pod starts until it does. If nothing like
  cert-manager is about to write it, do so yourself:
  kubectl --namespace {{ $namespace }} create secret tls {{ . }} --cert=tls.crt --key=tls.key
{{ end -}}
{{- end -}}
{{- if not .Values.requireClass -}}
{{- range include "barevip.otherLoadBalancers" . | fromYamlArray }}
* {{ . }} runs in this cluster. Two controllers that serve the same Services overwrite each other's status. Stop
  one of them, or let barevip serve Services of its own class only:
  helm upgrade {{ $.Release.Name }} CHART --namespace {{ $namespace }} --reset-then-reuse-values --set requireClass=true
{{ end -}}
{{- end -}}
{{- end }}

{{/* The level of Pod Security that the namespace of the release enforces; empty without a label, a namespace or a cluster. */}}
{{- define "barevip.podSecurityLevel" -}}
{{- $metadata := (lookup "v1" "Namespace" "" .Release.Namespace).metadata | default dict -}}
{{- get ($metadata.labels | default dict) "pod-security.kubernetes.io/enforce" -}}
{{- end }}

{{/* Not empty if there is a Pool. A lookup of a kind that the API server does not know yet would fail the installation. */}}
{{- define "barevip.hasPools" -}}
{{- if .Capabilities.APIVersions.Has "barevip.dev/v1alpha1/Pool" -}}
{{- if (lookup "barevip.dev/v1alpha1" "Pool" "" "").items }}true{{ end -}}
{{- end -}}
{{- end }}

{{/* Controllers of other load balancers, by the labels that their manifests and charts give them, as a YAML list. */}}
{{- define "barevip.otherLoadBalancers" -}}
{{- $known := dict "metallb" "MetalLB" "kube-vip" "kube-vip" "kube-vip-ds" "kube-vip" "kube-vip-cloud-provider" "kube-vip" "purelb" "PureLB" "openelb" "OpenELB" -}}
{{- $found := list -}}
{{- range $kind := list "Deployment" "DaemonSet" -}}
{{- range (lookup "apps/v1" $kind "" "").items -}}
{{- $labels := .metadata.labels | default dict -}}
{{- $names := list (get $labels "app.kubernetes.io/name") (get $labels "app") .metadata.name -}}
{{- $product := "" -}}
{{- range $names }}{{ $product = $product | default (get $known .) }}{{ end -}}
{{- if hasKey $labels "svccontroller.k3s.cattle.io/svcname" }}{{ $product = "ServiceLB of k3s" }}{{ end -}}
{{- with $product }}{{ $found = append $found . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- toYaml (uniq $found) -}}
{{- end }}
