// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <array>
#include <chrono>
#include <map>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>

namespace barevip::cli {
namespace {

constexpr const char* kAnswers =
    "Exit status: 0 all is well; 1 there are problems; 2 the command "
    "line is wrong, or the API server cannot be asked.";
const std::map<std::string, Output> kOutputs{{"table", Output::kTable},
                                             {"wide", Output::kWide},
                                             {"json", Output::kJson},
                                             {"yaml", Output::kYaml}};
constexpr const char* kWatch = "show it again after each change, until Ctrl-C";
constexpr std::chrono::milliseconds kLeastTimeout{1'000};
constexpr std::chrono::milliseconds kMostTimeout{24 * 3'600'000};

void addConvert(CLI::App& app, ConvertOptions& options) {
  CLI::App* const convert = app.add_subcommand(
      "convert",
      "print the Pools that other load balancers' objects become: MetalLB's, Cilium's, PureLB's, "
      "OpenELB's, the ConfigMap of kube-vip-cloud-provider, and Pools of inwinstack.com; what has "
      "no equivalent is listed on stderr");
  convert
      ->add_option("-f,--filename", options.files,
                   "manifest to read, may be repeated; -, or none: standard input")
      ->allow_extra_args(false);
  convert->add_flag("--strict", options.strict,
                    "print no Pools, and end with status 3, if there is any note");
  convert->add_flag("--lossy", options.lossy,
                    "print Pools even if they serve fewer, or announce in fewer places, than the "
                    "objects do, with a note for each loss");
  convert->footer(
      "Exit status: 0 the Pools are printed, perhaps with notes; 1 something is malformed, or no "
      "Pool can have it; 2 the command line is wrong; 3 there are notes, with --strict; 4 the "
      "Pools would serve fewer or announce in fewer places, without --lossy.");
}

void addAccessFlags(CLI::App& app, Access& access) {
  app.add_option("--kubeconfig", access.kubeconfig,
                 "kubeconfig file; else the files of KUBECONFIG, else ~/.kube/config");
  app.add_option("--context", access.context, "context of the kubeconfig; else its current one");
}

void addOutputFlag(CLI::App& app, std::vector<std::string> names, Output& output) {
  std::string help = "format:";
  for (const std::string& name : names) help += " " + name;
  addChoiceFlag(app, "-o,--output", help, names.front(), names,
                [names, &output](std::size_t i) { output = kOutputs.at(names[i]); });
}

void addStatus(CLI::App& app, StatusOptions& options) {
  CLI::App* const status =
      app.add_subcommand("status", "show what does not work and why, then Pools, VIPs and nodes");
  addAccessFlags(*status, options.access);
  CLI::Option* const ns = status->add_option(
      "-n,--namespace", options.ns, "only Services, IP objects and VIPs of this namespace");
  status
      ->add_flag_function(
          "-A,--all-namespaces", [&options](std::int64_t) { options.ns.clear(); },
          "those of all namespaces, which is the default")
      ->excludes(ns);
  addOutputFlag(*status, {"table", "wide", "json", "yaml"}, options.output);
  status->add_flag("-w,--watch", options.watch, kWatch);
  status->footer(kAnswers);
}

void addExplain(CLI::App& app, ExplainOptions& options) {
  CLI::App* const explain =
      app.add_subcommand("explain", "show how barevip decides about one object");
  CLI::App* const service = explain->add_subcommand(
      "service",
      "show why a Service has its addresses or none, which node owns each of them, and which "
      "endpoints serve it");
  addAccessFlags(*service, options.access);
  service->add_option("-n,--namespace", options.ns,
                      "namespace of the Service; else that of NAME, else that of the context");
  service->add_option("NAME", options.name, "name of the Service, or NAMESPACE/NAME")->required();
  addOutputFlag(*service, {"table", "wide", "json", "yaml"}, options.output);
  service->add_option_function<std::string>(
      "--from",
      [&options](const std::string& text) {
        const auto client = parseClient(text);
        if (!client) throw CLI::ValidationError("--from", client.error().message);
        options.from = *client;
      },
      "CLIENT:PORT: show which endpoint a new connection of this client gets, or why objects do "
      "not show it");
  CLI::Option* const kernel = service->add_flag(
      "--kernel", options.kernel,
      "compare that with the kernel of the node, by kubectl exec in the pod of its daemon");
  kernel->needs(service->get_option("--from"));
  service->add_flag("-w,--watch", options.watch, kWatch)->excludes(kernel);
  service->footer(
      "It decides again, from what the API server shows now, and does not know what happened "
      "earlier. Exit status: 0 the Service has what it asks for; 1 it does not; 2 the "
      "command line is wrong, or the API server cannot be asked.");
}

void addPlan(CLI::App& app, PlanOptions& options) {
  CLI::App* const plan =
      app.add_subcommand("plan", "show what an edit of Pools would change, and change nothing");
  addAccessFlags(*plan, options.access);
  plan->add_option("-f,--filename", options.files,
                   "Pools as they would be applied, may be repeated; -: standard input")
      ->allow_extra_args(false);
  plan->add_option("--delete", options.deleted, "name of a Pool to delete, may be repeated")
      ->allow_extra_args(false);
  addOutputFlag(*plan, {"table", "wide", "json", "yaml"}, options.output);
  plan->footer(
      "No edit of a Pool moves an address or takes one away: an address that no Pool would "
      "allocate again stays in use. "
      "Exit status: 0 nothing is orphaned and no Pool is at fault; 1 something is; 2 the command "
      "line or a file is wrong, or the API server cannot be asked.");
}

void addNode(CLI::App& app, std::string& node) {
  app.add_option("NODE", node, "name of the Node")->required();
}

void addDrain(CLI::App& app, DrainOptions& options) {
  CLI::App* const drain = app.add_subcommand(
      "drain",
      "hand the VIPs that a node announces over to other nodes, and wait until they announce them; "
      "it neither cordons the node nor evicts pods");
  addAccessFlags(*drain, options.access);
  addNode(*drain, options.node);
  addDurationFlag(*drain, "--timeout", "how long to wait", "120s", kLeastTimeout, kMostTimeout,
                  [&options](std::chrono::milliseconds value) { options.timeout = value; });
  drain->add_flag(
      "--force", options.force,
      "withdraw VIPs that no other node may announce, instead of leaving the node as it "
      "is");
  drain->footer(
      "It labels the Node node.kubernetes.io/exclude-from-external-load-balancers=barevip-drain, "
      "which undrain removes; a VIP of a Service with externalTrafficPolicy Local goes to a node "
      "that has endpoints of it, if there is one. Exit status: 0 other nodes announce all VIPs; 1 "
      "some did not move; 2 the command line is wrong, or the API server cannot be asked.");
}

void addUndrain(CLI::App& app, UndrainOptions& options) {
  CLI::App* const undrain = app.add_subcommand(
      "undrain", "let a node announce VIPs again after drain; VIPs do not move back");
  addAccessFlags(*undrain, options.access);
  addNode(*undrain, options.node);
  undrain->footer(
      "Exit status: 0 the Node does not have the label of drain; 1 the label was set without "
      "drain, and stays; 2 the command line is wrong, or the API server cannot be asked.");
}

void addBundle(CLI::App& app, BundleOptions& options) {
  CLI::App* const bundle = app.add_subcommand(
      "support-bundle",
      "write what maintainers need into one file: objects of barevip, Services with what serves "
      "them, nodes, events, logs, metrics and the status; never Secrets or ConfigMaps");
  addAccessFlags(*bundle, options.access);
  bundle->add_option(
      "-o,--output", options.file,
      "FILE.tar.gz to write; else barevip-support-TIME.tar.gz in the working folder");
  bundle->footer(
      "The file manifest.txt in it lists what is there, what could not be read, and what was left "
      "out. Exit status: 0 all was read; 1 the file is written, and something is missing; 2 the "
      "command line is wrong, the API server cannot be asked, or the file cannot be written.");
}

void addVerify(CLI::App& app, VerifyOptions& options) {
  CLI::App* const verify = app.add_subcommand(
      "verify",
      "compare the addresses of Services with those that they had before a migration from another "
      "load balancer, which --save writes; it changes nothing in the cluster");
  addAccessFlags(*verify, options.access);
  verify->add_option("FILE", options.file, "file with the addresses before the migration")
      ->required();
  CLI::Option* const save = verify->add_flag(
      "--save", options.save,
      "write FILE, which must not exist: the addresses, classes and requests of all Services of "
      "type LoadBalancer as they are now");
  addOutputFlag(*verify, {"table", "wide", "json", "yaml"}, options.output);
  save->excludes(verify->get_option("--output"));
  verify->add_flag("-w,--watch", options.watch, kWatch)->excludes(save);
  verify->footer(
      "Verdicts: kept; moved, to another address; lost; other, served by another load balancer or "
      "by none; two writers, barevip and another one. Exit status: 0 all are kept; 1 some are not; "
      "2 the command line or the file is wrong, or the API server cannot be asked.");
}

void addRollback(CLI::App& app, RollbackOptions& options) {
  CLI::App* const rollback = app.add_subcommand(
      "rollback",
      "show what returns Services to the load balancer that they had before a migration, with the "
      "addresses that verify --save wrote; --yes does it");
  addAccessFlags(*rollback, options.access);
  rollback->add_option("FILE", options.file, "file with the addresses before the migration")
      ->required();
  CLI::Option* const yes =
      rollback->add_flag("--yes", options.yes, "change the Services, after all is shown");
  rollback
      ->add_flag_function(
          "--dry-run", [](std::int64_t) {}, "only show it, which is the default")
      ->excludes(yes);
  addOutputFlag(*rollback, {"table", "wide", "json", "yaml"}, options.output);
  rollback->get_option("--output")->excludes(yes);
  rollback->footer(
      "While the operator of barevip runs, nothing is changed; of each Service the addresses, "
      "spec.loadBalancerIP and the annotations that ask other load balancers for addresses are "
      "written, and the IP objects that barevip made are deleted, and nothing else. Exit status: 0 "
      "nothing is left to change, or without --yes nothing hinders it; 1 some Services stay as "
      "they are, or the operator runs; 2 the command line or the file is wrong, or the API server "
      "cannot be asked.");
}

void addCompletion(CLI::App& app, CompletionOptions& options) {
  CLI::App* const completion = app.add_subcommand(
      "completion",
      "print the script by which a shell completes kubectl-barevip, or the program "
      "kubectl_complete-barevip by which kubectl completes `kubectl barevip`");
  addChoiceFlag(
      *completion, "SHELL", "bash, zsh, fish or kubectl", "", {"bash", "zsh", "fish", "kubectl"},
      [&options](std::size_t i) {
        constexpr std::array kOrder{Shell::kBash, Shell::kZsh, Shell::kFish, Shell::kKubectl};
        options.shell = kOrder.at(i);
      });
  completion->get_option("SHELL")->required();
}

// Of the app and, first, of the commands below it.
void gatherWords(const CLI::App& app, const std::string& command,
                 std::vector<CommandWords>& found) {
  CommandWords words{command, {}};
  for (const CLI::App* const below : app.get_subcommands({})) {
    words.words.push_back(below->get_name());
    gatherWords(*below, command.empty() ? below->get_name() : command + " " + below->get_name(),
                found);
  }
  for (const CLI::Option* const option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) words.words.push_back("--" + name);
  }
  found.push_back(std::move(words));
}

}  // namespace

tl::expected<Options, CommandLineEnd> parseOptions(int argc, const char* const* argv) {
  ConvertOptions convert;
  StatusOptions status;
  ExplainOptions explain;
  PlanOptions plan;
  DrainOptions drain;
  UndrainOptions undrain;
  VerifyOptions verify;
  RollbackOptions rollback;
  BundleOptions bundle;
  CompletionOptions completion;
  CLI::App app{"kubectl-barevip: what people do with barevip beside kubectl", "kubectl-barevip"};
  app.require_subcommand(0, 1);
  addStatus(app, status);
  addExplain(app, explain);
  addPlan(app, plan);
  addDrain(app, drain);
  addUndrain(app, undrain);
  addConvert(app, convert);
  addVerify(app, verify);
  addRollback(app, rollback);
  addBundle(app, bundle);
  addCompletion(app, completion);
  if (auto end = readCommandLine(app, argc, argv)) return tl::make_unexpected(std::move(*end));
  if (app.got_subcommand("status")) return status;
  if (app.got_subcommand("drain")) return drain;
  if (app.got_subcommand("undrain")) return undrain;
  if (app.got_subcommand("verify")) return verify;
  if (app.got_subcommand("rollback")) return rollback;
  if (app.got_subcommand("support-bundle")) return bundle;
  if (app.got_subcommand("plan")) {
    if (!plan.files.empty() || !plan.deleted.empty()) return plan;
    return tl::make_unexpected(
        wrongCommandLine(app, "the edit is missing: write -f FILE or --delete NAME"));
  }
  if (app.got_subcommand("completion")) {
    gatherWords(app, "", completion.words);
    return completion;
  }
  if (app.got_subcommand("convert")) {
    if (convert.files.empty()) convert.files.emplace_back("-");
    return convert;
  }
  if (!app.got_subcommand("explain")) {
    return tl::make_unexpected(wrongCommandLine(app,
                                                "a command is missing: write status, explain, "
                                                "plan, drain, undrain, convert, verify, rollback, "
                                                "support-bundle or completion"));
  }
  if (!app.get_subcommand("explain")->got_subcommand("service")) {
    return tl::make_unexpected(
        wrongCommandLine(app, "the kind is missing: write explain service NAME"));
  }
  const auto slash = explain.name.find('/');
  if (slash != std::string::npos) {
    if (!explain.ns.empty()) {
      return tl::make_unexpected(wrongCommandLine(
          app, "\"" + explain.name + "\" names a namespace, and so does --namespace: write one"));
    }
    explain.ns = explain.name.substr(0, slash);
    explain.name = explain.name.substr(slash + 1);
    if (explain.ns.empty()) explain.name.clear();
  }
  if (explain.name.empty() || explain.name.find('/') != std::string::npos) {
    return tl::make_unexpected(
        wrongCommandLine(app, "the Service is missing: write NAME or NAMESPACE/NAME"));
  }
  return explain;
}

}  // namespace barevip::cli
