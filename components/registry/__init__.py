"""From a finished experiment to a model that may be used: packaging, publishing, gates, promotion, prediction.

    publish.publish(root=…, tracking_uri=…, lineage_uri=…)            → Published: the model in MLflow, once
    gates.judge(name, version, policy=…, …)                           → Report: may it become champion?
    promotion.promote(name, version, …), rollback(name, …)            → compare-and-set, with a ledger
    download.fetch_verified(version, folder, store=…)                 → its files, each as it was published
    verification.verify(…)                                            → is all of it as it was published and promoted?
    listing.models(…)                                                 → the registered versions
    predict.predict(reference, files, …)                              → a table: label, probabilities, what was used
    explaining.explain.explain(reference, file, …)                    → why: by modality, over time, by word

MLflow takes seconds to import, so these modules are imported by whoever needs one.
"""
